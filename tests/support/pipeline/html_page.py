"""Reads an HTML page as a reader would: texts by id, tables by cells."""

import html.parser

VOID = {"meta", "link", "input", "br", "wbr", "img"}
SKIPPED = {"style", "script"}


class HtmlPage(html.parser.HTMLParser):
    """`tags` lists every (tag, attributes), `visible` all text that is shown."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.visible = ""
        self._texts: dict[str, str] = {}
        self._tables: dict[str, list[list[str]]] = {}
        self._open: list[tuple[str, str | None]] = []
        self.feed(source)
        self.close()

    def text(self, element_id: str) -> str:
        """All text inside the element with this id, white space joined."""
        return " ".join(self._texts[element_id].split())

    def ids(self) -> set[str]:
        """Every id on the page."""
        return set(self._texts)

    def table(self, table_id: str) -> list[list[str]]:
        """Cells by row, the header row left out."""
        rows = [
            [" ".join(cell.split()) for cell in row] for row in self._tables[table_id]
        ]
        return [row for row in rows if row]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if tag in {"td", "th"} and self._open[-1][0] in {"td", "th"}:
            self._open.pop()
        rows = self._tables.get(self._table_id() or "", [])
        if tag == "tr":
            rows.append([])
        if tag == "td":
            rows[-1].append("")
        if tag in VOID:
            return
        self._open.append((tag, attributes.get("id")))
        if attributes.get("id"):
            self._texts[attributes["id"] or ""] = ""
        if tag == "table":
            self._tables[attributes.get("id") or ""] = []

    def handle_endtag(self, tag: str) -> None:
        while self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        open_tags = {tag for tag, _ in self._open}
        for _, element_id in self._open:
            if element_id:
                self._texts[element_id] += data
        if not open_tags & SKIPPED:
            self.visible += data
        if "td" in open_tags:
            self._tables[self._table_id() or ""][-1][-1] += data

    def _table_id(self) -> str | None:
        ids = [element_id for tag, element_id in self._open if tag == "table"]
        return ids[-1] if ids else None
