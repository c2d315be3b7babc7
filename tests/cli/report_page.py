"""What a page of --report holds, read without a browser."""

import base64
import html.parser
import json


class Page(html.parser.HTMLParser):
    """head, records, thumbnails (bytes) and end, as the program wrote them; `elements` counts tags."""

    def __init__(self, path):
        super().__init__()
        self.blocks, self.kind, self.elements = {}, None, {}
        self.bytes = path.read_bytes()
        self.feed(self.bytes.decode("utf-8"))
        self.close()
        self.head, self.end = (json.loads(self.blocks[kind][0]) for kind in ("head", "end"))
        self.records = self.joined("records")
        self.thumbnails = [base64.b64decode(text, validate=True) for text in self.joined("thumbnails")]

    def joined(self, kind):
        return [item for block in self.blocks.get(kind, []) for item in json.loads(block)]

    def handle_starttag(self, tag, attributes):
        self.elements[tag] = self.elements.get(tag, 0) + 1
        attributes = dict(attributes)
        if attributes.get("type") == "application/json":
            self.kind = attributes["class"]
            self.blocks.setdefault(self.kind, []).append("")

    def handle_endtag(self, tag):
        self.kind = None

    def handle_data(self, data):
        if self.kind is not None:
            self.blocks[self.kind][-1] += data
