"""The one list of the backend's codes: HTTP status, source, and the sentence the caller reads in French and in English.

Codes of six digits are those of the DGFiP's API manager; `INF-REQ-*`, `INF-DRT-*` and 4000 to 4006 mean what they mean at the
gateway. The sentences never hold a value, neither of the call nor of the store.
"""

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Code:
    """One reason for a refusal; `source` is the clause of the terms of use, the RFC, or the section of the domain model."""

    code: str
    status: int
    source: str
    fr: str
    en: str


_TABLE: tuple[tuple[str, int, str, str, str], ...] = (
    # --- the call itself ---
    ("900902", 401, "4-b", "Assertion de la passerelle absente.", "Gateway assertion missing."),
    ("900901", 401, "4-b", "Assertion de la passerelle invalide ou expirée.", "Gateway assertion invalid or expired."),
    ("INF-REQ-03", 400, "RFC 3986 6.2", "Chemin non canonique : ni requête (?), ni caractère codé en %.",
     "Path not canonical: no query (?), no percent-encoded character."),
    ("INF-REQ-05", 400, "RFC 9110 5.3", "En-tête répété ou mal formé.", "Header repeated or malformed."),
    ("INF-REQ-07", 413, "RFC 9110 15.5.14", "Corps trop volumineux : découpez le lot.", "Body too large: split the lot."),
    ("INF-REQ-08", 415, "RFC 9110 15.5.16",
     "Type ou codage du contenu non admis : envoyez application/json en UTF-8, sans compression.",
     "Content type or coding not accepted: send application/json in UTF-8, uncompressed."),
    ("INF-REQ-09", 404, "2.1-a", "Ressource inconnue.", "Unknown resource."),
    ("INF-REQ-10", 405, "2.1-a",
     "Méthode non admise sur cette ressource : l'API est exclusivement une API d'écriture (voir l'en-tête Allow).",
     "Method not allowed on this resource: the API is write-only (see the Allow header)."),
    # --- the form of the body ---
    ("4000", 400, "5.3-a", "Corps absent ou illisible : un seul objet JSON en UTF-8, sans clé répétée, NaN ni nombre décimal.",
     "Body missing or unreadable: one JSON object in UTF-8, without repeated keys, NaN or decimal numbers."),
    ("4001", 400, "model 2", "SIRET absent ou mal formé (14 chiffres).", "SIRET missing or malformed (14 digits)."),
    ("4002", 400, "model 2", "Budget absent ou mal formé (type BP, BA ou SACD, et code).",
     "Budget missing or malformed (type BP, BA or SACD, and code)."),
    ("4003", 400, "model 2", "Exercice absent ou mal formé (AAAA).", "Exercice missing or malformed (YYYY)."),
    ("4004", 400, "model 2", "Période absente ou mal formée (AAAA-01 à AAAA-13).",
     "Période missing or malformed (YYYY-01 to YYYY-13)."),
    ("4005", 400, "model 2", "Le flux du corps est absent ou n'est pas celui du chemin.",
     "The flux in the body is missing or not that of the path."),
    ("4006", 400, "model 1", "Nombre d'éléments hors limites : découpez le lot.",
     "Number of items out of bounds: split the lot."),
    ("4007", 400, "5.3-a", "Champ inconnu.", "Unknown field."),
    ("4008", 400, "model 3", "Champ obligatoire absent.", "Required field missing."),
    ("4009", 400, "model 3", "Type de valeur inattendu.", "Unexpected type of value."),
    ("4010", 400, "model 2", "Identifiant absent ou mal formé (1 à 64 caractères A-Z a-z 0-9 . _ -).",
     "Identifier missing or malformed (1 to 64 characters A-Z a-z 0-9 . _ -)."),
    ("4011", 400, "model 2", "Montant mal formé : chaîne décimale à deux décimales, de signe admis pour ce champ.",
     "Amount malformed: decimal string with two decimals, of a sign accepted for this field."),
    ("4012", 400, "model 3", "Date mal formée (AAAA-MM-JJ).", "Date malformed (YYYY-MM-DD)."),
    ("4013", 400, "model 3", "Valeur hors de la liste admise.", "Value not in the accepted list."),
    ("4014", 400, "model 3", "Texte ou code mal formé (longueur ou caractères).",
     "Text or code malformed (length or characters)."),
    ("4015", 400, "model 3", "Champ ou valeur incompatible avec un autre champ de l'élément.",
     "Field or value incompatible with another field of the item."),
    ("4016", 400, "model 2", "Identifiant ou code en double dans l'envoi.", "Identifier or code repeated in what was sent."),
    ("4017", 400, "model 1", 'En-tête If-Match mal formé (une version entre guillemets : "3").',
     'If-Match header malformed (one version between quotes: "3").'),
    ("4018", 400, "model 3.1", "L'identifiant ou la nomenclature du corps n'est pas celui du chemin.",
     "The identifier or nomenclature in the body is not that of the path."),
    # --- rights on the stored entry ---
    ("INF-DRT-03", 403, "4-C5", "SIRET hors du périmètre autorisé ; rien n'a été enregistré.",
     "SIRET outside the authorised perimeter; nothing was recorded."),
    ("INF-DRT-04", 403, "4-C5", "Budget hors du périmètre autorisé ; rien n'a été enregistré.",
     "Budget outside the authorised perimeter; nothing was recorded."),
    ("INF-DRT-05", 403, "4-C5", "Exercice hors du périmètre autorisé ; rien n'a été enregistré.",
     "Exercice outside the authorised perimeter; nothing was recorded."),
    ("INF-DRT-06", 403, "4-C5", "Période hors du périmètre autorisé ; rien n'a été enregistré.",
     "Période outside the authorised perimeter; nothing was recorded."),
    # --- versions ---
    ("INF-VER-01", 428, "RFC 6585 3", "En-tête If-Match absent : donnez la version du dernier accusé.",
     "If-Match header missing: give the version of the last receipt."),
    ("INF-VER-02", 412, "RFC 9110 13.1.1", "Version périmée : ce n'est pas celle du dernier accusé.",
     "Stale version: it is not that of the last receipt."),
    ("INF-VER-03", 409, "model 4", "Identifiant déjà utilisé.", "Identifier already used."),
    ("INF-VER-04", 404, "model 4", "Aucune écriture de cet identifiant dans ce périmètre.",
     "No entry with this identifier in this perimeter."),
    ("INF-VER-05", 410, "model 4", "Écriture déjà supprimée.", "Entry already deleted."),
    # --- business rules ---
    ("INF-MET-01", 422, "model 5", "Clé du SIRET ou du SIREN fausse.", "Wrong check digit of the SIRET or SIREN."),
    ("INF-MET-02", 422, "model 5", "Période ou date hors de l'exercice ou de la période.",
     "Période or date outside the exercice or the période."),
    ("INF-MET-03", 422, "model 5", "Code inconnu ou non valide à cette date dans les nomenclatures de l'organisme.",
     "Code unknown or not valid at that date in the organisme's nomenclatures."),
    ("INF-MET-04", 422, "décret 2012-1246 art. 178", "Enveloppe absente, ou non admise pour ce mouvement ou cette convention.",
     "Envelope missing, or not accepted for this movement or this contract."),
    ("INF-MET-05", 422, "décret 2012-1246 art. 206",
     "Engagement absent ou inconnu, ou paiements supérieurs aux autorisations d'engagement consommées.",
     "Commitment missing or unknown, or payments above the commitment."),
    ("INF-MET-06", 422, "model 5", "Écriture non équilibrée : au moins deux lignes, débit ou crédit positif, totaux égaux.",
     "Entry not balanced: at least two lines, a positive debit or credit, equal totals."),
    ("INF-MET-07", 422, "model 5", "Compte mal formé ou absent de la nomenclature nomenc de l'organisme.",
     "Account malformed or absent from the organisme's nomenclature nomenc."),
    ("INF-MET-08", 422, "model 5", "Emploi non admis d'un compte de classe 8.", "Use of a class 8 account not accepted."),
    ("INF-MET-09", 422, "model 5", "Compte de classe 6 ou 7 dans une écriture d'à-nouveau.",
     "Class 6 or 7 account in an opening entry."),
    ("INF-MET-10", 422, "model 5", "Totaux incohérents (solde budgétaire ou variation de trésorerie).",
     "Inconsistent totals (budget balance or change in cash)."),
    ("INF-MET-11", 422, "model 5", "Douze mois attendus, ou totaux DESP différents de ceux de l'ABP.",
     "Twelve months expected, or DESP totals different from those of the ABP."),
    ("INF-MET-12", 409, "model 5", "Suppression impossible : l'engagement est référencé par des paiements.",
     "Deletion impossible: the commitment is referenced by payments."),
    ("INF-MET-13", 200, "décret 2012-1246 art. 212",
     "Avertissement : compte financier arrêté après le délai de 75 jours suivant la fin de l'exercice.",
     "Warning: financial account closed later than 75 days after the end of the exercice."),
    ("INF-MET-14", 422, "model 3.2", "Numéro de pièce déjà utilisé dans ce journal et cet exercice.",
     "Document number already used in this journal and exercice."),
    # --- the application ---
    ("INF-APP-01", 500, "11-h", "Défaut interne de l'application INFINOE : rien n'a été enregistré.",
     "Internal fault of the INFINOE application: nothing was recorded."),
    ("INF-APP-02", 503, "11-h", "Enregistrement impossible pour l'instant : rien n'a été enregistré, réessayez plus tard.",
     "Recording impossible for now: nothing was recorded, try again later."),
)

CODES = MappingProxyType({row[0]: Code(*row) for row in _TABLE})
