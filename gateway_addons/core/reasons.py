"""The one list of reasons: why a call is refused, in what words, with which HTTP status.

The code is at once the journal's field, the Rego string, the metric's label and the name of the page in `docs/reasons/`.
Codes of six digits and their meaning are those of the DGFiP's API manager; `INF-*` and `40xx` are Poterne's own
(domain model, section 1). Clauses are those of the terms of use of API INFINOE (production, 06/10/2023).
"""

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason for a refusal.

    `status` is the HTTP status of the answer; `control` the room that decides it (`request`, one of the controls, `quota`,
    `gateway`); `clause` the clause of the terms of use, or the RFC. The sentences say what is wrong and what to do; they
    never hold a value of the call, nor a contact address (clause 9.3-d).
    """

    code: str
    status: int
    control: str
    clause: str
    fr: str
    en: str


_TABLE: tuple[tuple[str, int, str, str, str, str], ...] = (
    # --- the form of the request: refused before anything is asked of anyone ---
    ("INF-REQ-01", 400, "request", "RFC 9112",
     "Message HTTP mal formé : envoyez une requête HTTP/1.1 conforme à la RFC 9112.",
     "Malformed HTTP message: send an HTTP/1.1 request that conforms to RFC 9112."),
    ("INF-REQ-02", 400, "request", "RFC 9110 9.1",
     "Méthode ou version HTTP non admise : utilisez POST, PUT, DELETE (GET pour etatSante seulement) en HTTP/1.1.",
     "HTTP method or version not accepted: use POST, PUT, DELETE (GET for etatSante only) over HTTP/1.1."),
    ("INF-REQ-03", 400, "request", "RFC 3986 6.2",
     "Chemin non canonique : ni requête (?), ni fragment, ni %, ni segments « . », « .. » ou vides.",
     "Path not canonical: no query (?), no fragment, no %, no '.', '..' or empty segments."),
    ("INF-REQ-04", 400, "request", "RFC 9112 3.2",
     "En-tête Host absent, multiple, ou différent du nom demandé en TLS (SNI).",
     "Host header missing, repeated, or different from the name asked for in TLS (SNI)."),
    ("INF-REQ-05", 400, "request", "RFC 9110 5.3",
     "En-tête interdit, ambigu ou répété : retirez les en-têtes de connexion (Upgrade, TE...) et les doublons.",
     "Header forbidden, ambiguous or repeated: remove connection headers (Upgrade, TE...) and duplicates."),
    ("INF-REQ-06", 431, "request", "RFC 6585 5",
     "En-têtes trop nombreux ou trop longs.",
     "Header fields too many or too long."),
    ("INF-REQ-07", 413, "request", "RFC 9110 15.5.14",
     "Corps trop volumineux : découpez le lot.",
     "Body too large: split the lot."),
    ("INF-REQ-08", 415, "request", "RFC 9110 15.5.16",
     "Type ou codage du contenu non admis : envoyez application/json en UTF-8, sans compression.",
     "Content type or coding not accepted: send application/json in UTF-8, uncompressed."),
    ("INF-REQ-09", 404, "request", "2.1-a",
     "Ressource inconnue : vérifiez le chemin dans la documentation de l'API.",
     "Unknown resource: check the path in the API's documentation."),
    ("INF-REQ-10", 405, "request", "2.1-a",
     "Méthode non admise sur cette ressource : l'API est exclusivement une API d'écriture (voir l'en-tête Allow).",
     "Method not allowed on this resource: the API is write-only (see the Allow header)."),
    ("INF-REQ-11", 408, "request", "RFC 9110 15.5.9",
     "La requête n'est pas arrivée entière dans le délai imparti.",
     "The request did not arrive whole within the time allowed."),
    ("INF-REQ-12", 503, "request", "RFC 9110 15.6.4",
     "Trop de corps volumineux en cours de réception : réessayez après le délai indiqué par Retry-After.",
     "Too many large bodies are being received: try again after the time given by Retry-After."),
    ("INF-REQ-13", 400, "request", "RFC 9530 2",
     "L'en-tête Content-Digest est mal formé ou n'est pas celui du corps reçu.",
     "The Content-Digest header is malformed or is not that of the body received."),
    ("910000", 400, "request", "8-h1",
     "L'en-tête X-Correlation-ID est obligatoire, une seule fois, au format UUID.",
     "The X-Correlation-ID header is required, exactly once, as a UUID."),
    ("INF-LIM-02", 429, "request", "8-e",
     "Trop d'appels refusés de cet appelant : réessayez après le délai indiqué par Retry-After.",
     "Too many refused calls of this caller: try again after the time given by Retry-After."),
    # --- C1: certificate ---
    ("INF-CERT-01", 403, "certificate", "4-C1",
     "Certificat client absent : présentez le certificat enregistré dans la convention.",
     "Client certificate missing: present the certificate registered in the contract."),
    ("INF-CERT-02", 403, "certificate", "4-C1",
     "Certificat client expiré ou pas encore valide.",
     "Client certificate expired or not yet valid."),
    ("INF-CERT-03", 403, "certificate", "4-C1",
     "Certificat client révoqué, ou dont la révocation ne peut être établie.",
     "Client certificate revoked, or whose revocation cannot be established."),
    ("INF-CERT-04", 403, "certificate", "4-C1",
     "Certificat client sans chaîne valide vers une autorité admise dans cet environnement.",
     "Client certificate without a valid chain to an authority admitted in this environment."),
    ("INF-CERT-05", 403, "certificate", "4-C1",
     "Usage du certificat client non admis : il faut clientAuth et digitalSignature.",
     "Client certificate usage not accepted: clientAuth and digitalSignature are needed."),
    ("INF-CERT-06", 403, "certificate", "4-C1",
     "Certificat client non enregistré dans une convention de cet environnement.",
     "Client certificate not registered in a contract of this environment."),
    # --- C2: address ---
    ("900805", 403, "address", "4-C2",
     "Adresse IP de l'appelant hors des adresses déclarées dans la convention.",
     "Caller's IP address outside the addresses declared in the contract."),
    # --- C3: technical identifier ---
    ("INF-IDT-01", 400, "identifier", "4-C3",
     "L'en-tête ID_Teleservice est absent.",
     "The ID_Teleservice header is missing."),
    ("INF-IDT-02", 400, "identifier", "4-C3",
     "L'en-tête ID_Teleservice est mal formé ou répété.",
     "The ID_Teleservice header is malformed or repeated."),
    ("INF-IDT-03", 403, "identifier", "4-C3",
     "L'identifiant technique n'est pas celui de la convention.",
     "The technical identifier is not the contract's."),
    # --- C4: identity ---
    ("900902", 401, "identity", "4-C4",
     "Jeton d'accès absent : demandez-en un à /token et envoyez Authorization: Bearer.",
     "Access token missing: ask /token for one and send Authorization: Bearer."),
    ("900901", 401, "identity", "4-C4",
     "Jeton d'accès invalide, expiré ou d'un autre environnement : demandez-en un nouveau à /token.",
     "Access token invalid, expired or of another environment: ask /token for a new one."),
    ("INF-IDC-01", 401, "identity", "4-C4",
     "Le jeton d'accès n'est pas lié au certificat présenté ou à sa convention (RFC 8705).",
     "The access token is not bound to the certificate presented or to its contract (RFC 8705)."),
    ("INF-IDC-02", 401, "identity", "4-C4",
     "Le SIREN du certificat n'est pas celui de la convention.",
     "The certificate's SIREN is not the contract's."),
    ("INF-CLI-01", 401, "client", "8-b",
     "Authentification du client OAuth2 refusée.",
     "OAuth2 client authentication refused."),
    ("INF-CLI-02", 400, "client", "8-b",
     "Portée (scope) non accordée à ce client.",
     "Scope not granted to this client."),
    ("INF-CLI-03", 400, "client", "8-b",
     "Demande de jeton mal formée ou d'un autre type que client_credentials.",
     "Token request malformed, or of another grant than client_credentials."),
    ("INF-LIM-01", 429, "client", "8-b",
     "Trop d'échecs d'authentification : réessayez après le délai indiqué par Retry-After.",
     "Too many failures to authenticate: try again after the time given by Retry-After."),
    # --- the state of the contract ---
    ("INF-SUSP-01", 403, "contract", "3.4.1-e",
     "Échange suspendu : le renouvellement de l'homologation de sécurité n'a pas été communiqué.",
     "Exchange suspended: the renewal of the security accreditation was not received."),
    ("INF-SUSP-02", 403, "contract", "3.4.2-d",
     "Échange coupé à titre préventif.",
     "Exchange cut as a precaution."),
    ("INF-SUSP-03", 403, "contract", "14-d",
     "La convention a pris fin.",
     "The contract has ended."),
    ("INF-SUSP-04", 403, "contract", "1-a",
     "La convention n'est pas active dans cet environnement.",
     "The contract is not active in this environment."),
    ("INF-SUSP-05", 403, "contract", "8-g3",
     "Accès restreint provisoirement : ce flux ou cette opération n'est pas ouvert pour l'instant.",
     "Access restricted for the time being: this flux or operation is not open at the moment."),
    ("700700", 503, "contract", "12-a",
     "API suspendue.",
     "API blocked."),
    ("INF-MNT-01", 503, "contract", "11-b",
     "Maintenance en cours : réessayez après le délai indiqué par Retry-After.",
     "Maintenance in progress: try again after the time given by Retry-After."),
    # --- C5: rights ---
    ("900910", 403, "rights", "4-C5",
     "Portée (scope) du jeton insuffisante pour cette ressource.",
     "The token's scope is insufficient for this resource."),
    ("INF-DRT-01", 403, "rights", "4-C5",
     "Aucun droit de la convention pour ce flux.",
     "No right of the contract for this flux."),
    ("INF-DRT-02", 403, "rights", "4-C5",
     "Aucun droit de la convention pour cette opération sur ce flux.",
     "No right of the contract for this operation on this flux."),
    ("INF-DRT-03", 403, "rights", "4-C5",
     "Aucun droit de la convention pour le SIRET d'au moins une écriture ; rien n'a été transmis.",
     "No right of the contract for the SIRET of at least one entry; nothing was passed on."),
    ("INF-DRT-04", 403, "rights", "4-C5",
     "Aucun droit de la convention pour le budget d'au moins une écriture ; rien n'a été transmis.",
     "No right of the contract for the budget of at least one entry; nothing was passed on."),
    ("INF-DRT-05", 403, "rights", "4-C5",
     "Aucun droit de la convention pour l'exercice d'au moins une écriture ; rien n'a été transmis.",
     "No right of the contract for the exercice of at least one entry; nothing was passed on."),
    ("INF-DRT-06", 403, "rights", "4-C5",
     "Aucun droit de la convention pour la période d'au moins une écriture, ou hors de la fenêtre de dépôt ; "
     "rien n'a été transmis.",
     "No right of the contract for the période of at least one entry, or outside the deposit window; "
     "nothing was passed on."),
    ("4000", 400, "rights", "5.3-a",
     "Corps absent ou illisible : un seul objet JSON en UTF-8, sans clé répétée, NaN ni nombre démesuré.",
     "Body missing or unreadable: one JSON object in UTF-8, without repeated keys, NaN or oversized numbers."),
    ("4001", 400, "rights", "5.3-a",
     "SIRET de l'organisme absent ou mal formé (14 chiffres).",
     "SIRET of the organisme missing or malformed (14 digits)."),
    ("4002", 400, "rights", "5.3-a",
     "Budget absent ou mal formé (pour INFINOE : type BP, BA ou SACD, et code).",
     "Budget missing or malformed (for INFINOE: type BP, BA or SACD, and code)."),
    ("4003", 400, "rights", "5.3-a",
     "Exercice absent ou mal formé (AAAA).",
     "Exercice missing or malformed (YYYY)."),
    ("4004", 400, "rights", "5.3-a",
     "Période absente ou mal formée (pour INFINOE : AAAA-01 à AAAA-13).",
     "Période missing or malformed (for INFINOE: YYYY-01 to YYYY-13)."),
    ("4005", 400, "rights", "5.3-a",
     "Le flux du corps n'est pas celui du chemin.",
     "The flux in the body is not that of the path."),
    ("4006", 400, "rights", "5.3-a",
     "Lot trop grand : trop d'écritures ou trop de périmètres différents.",
     "Lot too large: too many entries or too many different perimeters."),
    # --- quota ---
    ("900804", 429, "quota", "9.2-a",
     "Quota d'appels dépassé : réessayez après le délai indiqué par Retry-After.",
     "Message throttled out: try again after the time given by Retry-After."),
    # --- what Poterne depends on ---
    ("INF-DEP-01", 503, "gateway", "4-c",
     "Les contrôles ne peuvent être effectués pour l'instant : rien n'a été transmis, réessayez plus tard.",
     "The controls cannot be performed for now: nothing was passed on, try again later."),
    ("INF-DEP-02", 503, "gateway", "9.2-a",
     "Le quota ne peut être vérifié pour l'instant : rien n'a été transmis, réessayez plus tard.",
     "The quota cannot be checked for now: nothing was passed on, try again later."),
    ("INF-DEP-03", 503, "gateway", "11-h",
     "L'application INFINOE est injoignable : rien n'a été enregistré, réessayez plus tard.",
     "The INFINOE application cannot be reached: nothing was recorded, try again later."),
    ("INF-DEP-04", 503, "gateway", "11-h",
     "L'application INFINOE n'a pas répondu : l'issue est inconnue, renvoyez le même lot (l'envoi est idempotent).",
     "The INFINOE application did not answer: the outcome is unknown, send the same lot again (sending is idempotent)."),
    ("INF-DEP-05", 503, "gateway", "4-C4",
     "La validité du jeton ou du client ne peut être vérifiée pour l'instant : rien n'a été transmis, réessayez plus tard.",
     "The validity of the token or the client cannot be checked for now: nothing was passed on, try again later."),
    ("INF-DEP-06", 503, "gateway", "8-g1",
     "Les coupures décidées par l'exploitant ne peuvent être connues : rien n'a été transmis, réessayez plus tard.",
     "What the operator has cut cannot be known: nothing was passed on, try again later."),
    ("INF-EXC-01", 503, "gateway", "4-c",
     "Une dérogation à un contrôle n'est pas en vigueur : rien n'a été transmis, l'exploitant doit la renouveler ou la retirer.",
     "An exception to a control is not in force: nothing was passed on, the operator must renew or withdraw it."),
    ("INF-GEN-01", 503, "gateway", "4-c",
     "Défaut interne de la passerelle : rien n'a été transmis, réessayez plus tard.",
     "Internal fault of the gateway: nothing was passed on, try again later."),
    ("INF-GEN-02", 503, "gateway", "10-P",
     "Défaut interne de la passerelle après l'envoi : l'issue est inconnue, renvoyez le même lot (l'envoi est idempotent).",
     "Internal fault of the gateway after sending: the outcome is unknown, send the same lot again (sending is idempotent)."),
    ("INF-INT-01", 503, "gateway", "10-I",
     "La trace de l'échange ne peut être écrite : rien n'a été transmis, réessayez plus tard.",
     "The trace of the exchange cannot be written: nothing was passed on, try again later."),
)

REASONS = MappingProxyType({row[0]: Reason(*row) for row in _TABLE})

INTERNAL_FAULT = REASONS["INF-GEN-01"]


def reason(code: str) -> Reason:
    """The reason of that code.

    Raises:
        KeyError: no such code; a code that policy invents is a fault of the gateway, never a pass.
    """
    return REASONS[code]
