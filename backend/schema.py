"""The tables. Nothing is ever erased: a deletion is a tombstone, each version and each nomenclature sent is kept (DICP I3, P2).

`entries` holds the current state in columns that rules and indexes need; the content of every version is the canonical JSON
of `entry_versions`. Amounts are integer centimes. Times are RFC 3339 with the offset of Europe/Paris.
"""

SCHEMA_VERSION = 1

SCHEMA = """
CREATE TABLE receipts (
    receipt_seq    INTEGER PRIMARY KEY,
    receipt_number TEXT NOT NULL UNIQUE,
    operation      TEXT NOT NULL CHECK (operation IN ('creation', 'modification', 'suppression', 'referentiel')),
    convention     TEXT NOT NULL,
    correlation_id TEXT NOT NULL,
    request_id     TEXT NOT NULL,
    recorded_at    TEXT NOT NULL,
    body           TEXT NOT NULL
) STRICT;

CREATE TABLE lots (
    lot_id          INTEGER PRIMARY KEY,
    lot_hash        TEXT NOT NULL UNIQUE,
    lot_number      TEXT NOT NULL,
    flux            TEXT NOT NULL,
    siret           TEXT NOT NULL,
    budget          TEXT NOT NULL,
    exercice        INTEGER NOT NULL,
    periode         TEXT NOT NULL,
    emitter_name    TEXT NOT NULL,
    emitter_version TEXT NOT NULL,
    entry_count     INTEGER NOT NULL,
    receipt_seq     INTEGER NOT NULL REFERENCES receipts
) STRICT;

CREATE TABLE entries (
    entry_id        INTEGER PRIMARY KEY,
    lot_id          INTEGER NOT NULL REFERENCES lots,
    siret           TEXT NOT NULL,
    budget          TEXT NOT NULL,
    exercice        INTEGER NOT NULL,
    flux            TEXT NOT NULL CHECK (flux IN ('budgetaire', 'comptable', 'financiere')),
    identifiant     TEXT NOT NULL,
    periode         TEXT NOT NULL,
    version         INTEGER NOT NULL CHECK (version >= 1),
    deleted_at      TEXT,
    journal         TEXT,
    piece           TEXT,
    movement        TEXT,
    commitment      TEXT,
    amount_centimes INTEGER,
    UNIQUE (siret, budget, exercice, flux, identifiant)
) STRICT;

CREATE UNIQUE INDEX live_pieces ON entries (siret, budget, exercice, journal, piece)
    WHERE journal IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX live_commitments ON entries (siret, budget, commitment)
    WHERE commitment IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX entries_of_lot ON entries (lot_id);
CREATE INDEX entries_by_identifier ON entries (identifiant, flux);

CREATE TABLE entry_versions (
    entry_id     INTEGER NOT NULL REFERENCES entries,
    version      INTEGER NOT NULL,
    operation    TEXT NOT NULL CHECK (operation IN ('creation', 'modification', 'suppression')),
    content      TEXT,
    reason       TEXT,
    receipt_seq  INTEGER NOT NULL REFERENCES receipts,
    PRIMARY KEY (entry_id, version),
    CHECK ((content IS NULL) = (operation = 'suppression'))
) STRICT, WITHOUT ROWID;

CREATE TABLE nomenclature_revisions (
    revision_id  INTEGER PRIMARY KEY,
    siret        TEXT NOT NULL,
    exercice     INTEGER NOT NULL,
    nomenclature TEXT NOT NULL,
    revision     INTEGER NOT NULL,
    mode         TEXT NOT NULL CHECK (mode IN ('COMPLEMENT', 'REMPLACEMENT')),
    content      TEXT NOT NULL,
    receipt_seq  INTEGER NOT NULL REFERENCES receipts,
    UNIQUE (siret, exercice, nomenclature, revision)
) STRICT;

CREATE TABLE nomenclature_codes (
    siret        TEXT NOT NULL,
    exercice     INTEGER NOT NULL,
    nomenclature TEXT NOT NULL,
    code         TEXT NOT NULL,
    label        TEXT NOT NULL,
    parent       TEXT,
    valid_from   TEXT,
    valid_to     TEXT,
    PRIMARY KEY (siret, exercice, nomenclature, code)
) STRICT, WITHOUT ROWID;
"""
