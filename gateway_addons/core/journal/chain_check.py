"""Is this chain what was written? Reads lines in the order of the files, and names the first fault and its kind.

A chain tells by itself that something is wrong; what it is shows in the lines around: where the missing number is, which
of two neighbours is anchored by the third, whether the checkpoints knew another hash.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from gateway_addons.core.journal.findings import ChainReport, Finding, Kind, Resumption
from gateway_addons.core.journal.line import GENESIS, Line, NotALine, read_line, segment_name
from gateway_addons.core.journal.seals import Seals

MAX_FINDINGS = 20
"""Of one chain; behind the first the others only say how far the damage goes."""

type Ahead = Callable[[], Iterator[bytes]]
"""The lines that follow, read again from the file and those after it."""


class ChainCheck:
    """Takes the lines of one chain, one after the other."""

    def __init__(self, chain: str, seals: Seals, present: frozenset[str], met_before: Callable[[str, Line], bool]) -> None:
        self.report = ChainReport(chain, sealed_seq=seals.last)
        self._seals, self._present, self._met_before = seals, present, met_before
        self._seq, self._hash = 1, GENESIS
        self._known = True
        """False behind an altered line: what its successor must name is not known then."""
        self._segment, self._before, self._line = "", "", 0
        self._place = ("", 0)
        self._next_seal = 0
        self._good_seal = 0
        self._moved: set[int] = set()

    @property
    def full(self) -> bool:
        """Enough was found; reading on tells nothing new."""
        return len(self.report.findings) >= MAX_FINDINGS

    def begin(self, segment: str) -> None:
        """The lines of this file follow."""
        self._before, self._segment, self._line = self._segment, segment, 0
        self.report.segments += 1

    def take(self, raw: bytes, ahead: Ahead) -> Line | None:
        """The next line of the file; None when it is no line."""
        self._line += 1
        try:
            line = read_line(raw)
        except NotALine as e:
            self._not_a_line(raw, str(e), ahead)
            return None
        if self._line == 1 and (resumed := self._seals.resumed.get(line.seq)) and resumed.previous == line.previous:
            self._declare(resumed)
        elif line.seq != self._seq or (self._known and line.previous != self._hash):
            if not self._out_of_place(line, ahead):
                return line
        elif self._line == 1 and line.kind != "segment":
            self._find("alteration", line.seq, "the file does not begin with the line that opens a segment")
        self._follow(line)
        return line

    def end(self) -> ChainReport:
        """No more lines."""
        seq, _ = self._seals.after_purges(self._seq, self._hash if self._known else None)
        self.report.last_seq = seq - 1
        if self._seals.last >= seq and not self.full:
            self._short(seq)
        return self.report

    def _declare(self, resumed: Resumption) -> None:
        """The chain goes on here by a signed decision: what was found before is declared, and what is missing before is too."""
        self._lost_before(resumed)
        self.report.findings = [replace(f, declared=f.declared or resumed.told) for f in self.report.findings]

    def _lost_before(self, resumed: Resumption) -> None:
        sealed = [seq for seq in self._seals.seqs if self._seq <= seq < resumed.seq]
        if sealed:
            self._find("truncation", self._seq, f"{_span(self._seq, sealed[-1])} sealed and missing", *self._place)

    # --- a line in its place ---

    def _follow(self, line: Line) -> None:
        self.report.lines += 1
        self._seq, self._hash, self._known, self._place = line.seq + 1, line.hash, True, (self._segment, self._line)
        seals = self._seals
        while self._next_seal < len(seals.seqs) and seals.seqs[self._next_seal] <= line.seq:
            if seals.seqs[self._next_seal] == line.seq:
                if seals.hash_at(self._next_seal) == line.hash:
                    self._good_seal = line.seq
                else:
                    self._find("alteration", self._good_seal + 1, f"{_span(self._good_seal + 1, line.seq)} written anew after a "
                               f"checkpoint had sealed line {line.seq}")
                    self._good_seal = line.seq
            self._next_seal += 1

    # --- a line out of its place ---

    def _out_of_place(self, line: Line, ahead: Ahead) -> bool:
        """Find out why; True when the chain goes on from this line."""
        if line.seq > self._seq:
            return self._gap(line, ahead)
        if line.seq < self._seq:
            self._again(line)
            return False
        self._rewritten(line, ahead)
        return True

    def _gap(self, line: Line, ahead: Ahead) -> bool:
        first = self._line == 1
        if first:
            self._seq, digest = self._seals.after_purges(self._seq, self._hash if self._known else None)
            self._hash, self._known = digest or "", digest is not None
            if self._seq == line.seq and (not self._known or line.previous == self._hash):
                return True
            if self._seq > line.seq:
                self._again(line)
                return False
        lost = _span(self._seq, line.seq - 1)
        if first and line.kind == "segment" and segment_name(line.seq) != self._segment:
            self._find("reordering", line.seq, f"this file holds the segment that begins with line {line.seq}")
        elif first and line.kind == "segment":
            named = str(line.fields().get("precedent"))
            if named not in self._present:
                self._find("missing_segment", self._seq, f"segment {named} is missing, and with it {lost}")
            else:
                self._find("truncation", self._seq, f"segment {self._before} ends too early: {lost} missing", *self._place)
        elif any(_number(raw) == self._seq for raw in ahead()):
            later = {_number(raw) for raw in ahead()}
            self._moved |= {n for n in range(self._seq, min(line.seq, self._seq + 10_000)) if n in later}
            self._find("reordering", self._seq, f"line {self._seq} comes later than line {line.seq}")
        else:
            self._find("deletion", self._seq, f"{lost} missing")
        return True

    def _again(self, line: Line) -> None:
        if line.seq in self._moved or self._seals.removed(line.seq):
            self._moved.discard(line.seq)  # or a purge that was signed and not carried out to its end
            return
        twin = self._met_before(self._segment, line)
        kind: Kind = "duplication" if twin else "insertion"
        self._find(kind, line.seq, f"a line {line.seq} once more" if twin else f"a line that calls itself {line.seq} was put in")

    def _rewritten(self, line: Line, ahead: Ahead) -> None:
        """Both this line and the one before are whole, but do not fit: the one that the next line does not name was altered."""
        following = _valid(next(ahead(), b""))
        anchored = following is not None and following.seq == line.seq + 1 and following.previous == line.hash
        if anchored and self._seq > 1:
            self._find("alteration", line.seq - 1,
                       f"line {line.seq - 1} was altered and hashed anew: line {line.seq} names another hash", *self._place)
        else:
            self._find("alteration", line.seq,
                       f"line {line.seq} was altered and hashed anew: it does not name line {line.seq - 1}")

    def _not_a_line(self, raw: bytes, why: str, ahead: Ahead) -> None:
        following = next(ahead(), None)
        if not raw.endswith(b"\n") and following is None:
            self.report.torn_bytes = len(raw)  # end() tells whether a checkpoint had sealed it
            return
        after = _valid(following or b"")
        if not raw.endswith(b"\n"):
            self._find("truncation", self._seq, f"the segment ends within line {self._seq}")
        elif after is not None and after.seq == self._seq and (not self._known or after.previous == self._hash):
            self._find("insertion", self._seq, f"something that is no line was put in before line {self._seq}: {why}")
            return
        else:
            self._find("alteration", self._seq, f"line {self._seq} was altered: {why}")
        self._seq, self._known = self._seq + 1, False

    def _short(self, seq: int) -> None:
        lost = _span(seq, self._seals.last)
        if self._seals.last_segment not in self._present:
            self._find("missing_segment", seq,
                       f"segment {self._seals.last_segment} is missing, and with it sealed lines: {lost}", *self._place)
        else:
            self._find("truncation", seq, f"the chain ends too early: {lost} sealed and missing", *self._place)

    def _find(self, kind: Kind, seq: int, text: str, segment: str = "", line: int = 0) -> None:
        if not self.full:
            self.report.findings.append(Finding(self.report.chain, segment or self._segment, line or self._line, seq, kind, text))


def _span(first: int, last: int) -> str:
    return f"line {first}" if first == last else f"lines {first} to {last}"


def _valid(raw: bytes) -> Line | None:
    try:
        return read_line(raw)
    except NotALine:
        return None


def _number(raw: bytes) -> int:
    line = _valid(raw)
    return 0 if line is None else line.seq
