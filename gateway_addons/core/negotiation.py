"""Which language and which form of error the caller asks for (RFC 9110 section 12.5); French and the DGFiP's form by default."""


def prefers_english(accept_language: str) -> bool:
    """Does `en` weigh more than `fr` in this Accept-Language? A tie, nonsense or silence is French."""
    weights = _weights(accept_language)
    english = max((q for tag, q in weights if tag == "en" or tag.startswith("en-")), default=0.0)
    french = max((q for tag, q in weights if tag in {"fr", "*"} or tag.startswith("fr-")), default=0.0)
    return english > french


def prefers_problem_json(accept: str) -> bool:
    """Does the caller name `application/problem+json`, with at least the weight of `application/json` if it names that?"""
    weights = dict(_weights(accept))
    problem = weights.get("application/problem+json", 0.0)
    return problem > 0 and problem >= weights.get("application/json", 0.0)


def _weights(value: str) -> list[tuple[str, float]]:
    found = []
    for part in value.split(",")[:32]:
        name, *parameters = (p.strip().lower() for p in part.split(";"))
        if name:
            found.append((name, _quality(parameters)))
    return found


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return min(1.0, max(0.0, float(parameter[2:])))
            except ValueError:
                return 0.0
    return 1.0
