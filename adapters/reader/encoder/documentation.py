"""Sections of unpacked documentation packages: documentation.py FOLDER > sections.jsonl

FOLDER holds a folder for each package, as `dpkg -x` unpacks it. HTML, Mallard
(`.page`) and POD files are read. A line is {"package", "page", "path": headings
outermost first, "paras": paragraphs, list items, rows, code}.
"""

import gzip
import json
import pathlib
import re
import sys

from lxml import etree, html

LANGUAGES = "pt-br|da|de|ja|ko|fr|es|tr|zh-cn|zh-tw|ru|it|nl|sv|he|pt|pl|cs|uk|ca|it-IT|fr-FR|de-DE|es-ES|pt-BR|zh-CN|ja-JP"
SKIPPED = re.compile(
    r"/(genindex|index|py-modindex|search|toc|contents|bookindex|_sources|_modules|copyright|changelog|whatsnew|release)"
    rf"|/({LANGUAGES})/|\.({LANGUAGES})\.(html|utf8)")
FURNITURE = re.compile(r"navheader|navfooter|sphinxsidebar|related|footer|toc|breadcrumb|navigation|sidebar", re.I)
HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
NESTS = {"p", "ul", "ol", "pre", "dl", "table"}
MAX_LINES, MAX_CHARS, MAX_PARAS, LEAST_WORDS = 12, 900, 14, 12


def main(folder):
    root, seen = pathlib.Path(folder), set()
    for file in sorted(root.rglob("*")):
        name = str(file.relative_to(root))
        if not file.is_file() or file.is_symlink() or SKIPPED.search("/" + name):
            continue
        try:
            events = read(file, name)
        except (etree.LxmlError, OSError, ValueError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            continue
        rows = list(sections(events))
        key = json.dumps(rows)
        if key in seen:
            continue
        seen.add(key)
        for path, paras in rows:
            if sum(len(para.split()) for para in paras) >= LEAST_WORDS:
                row = {"package": name.split("/")[0], "page": name, "path": path, "paras": paras[:MAX_PARAS]}
                print(json.dumps(row, ensure_ascii=False))


def read(file, name):
    """Headings as (level, text) and paragraphs as (0, text), in order."""
    events = []
    if re.search(r"\.html?(\.en)?(\.utf8)?(\.gz)?$", name):
        data = file.read_bytes()
        tree = html.fromstring(gzip.decompress(data) if name.endswith(".gz") else data)
        body = tree.find(".//body")
        walk(tree if body is None else body, events)
    elif name.endswith(".page") and "/help/C/" in name:
        mallard(etree.parse(str(file)).getroot(), 1, events)
    elif name.endswith(".pod"):
        pod(file.read_text(errors="replace"), events)
    return events


def walk(node, events):
    tag = node.tag if isinstance(node.tag, str) else ""
    marks = node.get("class", "") + node.get("id", "") if tag else ""
    if tag in ("script", "style", "nav", "footer", "header", "form", "head") or FURNITURE.search(marks):
        return
    asks = tag in ("dt", "div") and "question" in marks.split()
    if tag in HEADINGS or asks or (tag == "p" and marks == "title"):
        events.append((int(tag[1]) if tag in HEADINGS else 4, heading(node.text_content())))
    elif tag == "pre":
        lines = node.text_content().strip("\n").splitlines()[:MAX_LINES]
        events.append((0, "\n".join(line.rstrip() for line in lines)))
    elif tag == "tr":
        events.append((0, " | ".join(plain(cell.text_content()) for cell in node if isinstance(cell.tag, str))))
    elif tag in ("p", "dt") or (tag in ("li", "dd", "td") and not any(child.tag in NESTS for child in node)):
        events.append((0, ("- " if tag == "li" else "") + plain(node.text_content())))
    else:
        if tag == "div" and not len(node) and plain(node.text or ""):
            events.append((0, plain(node.text)))
        for child in node:
            walk(child, events)


def mallard(node, depth, events):
    for child in node:
        tag = etree.QName(child).localname if isinstance(child.tag, str) else ""
        text = "".join(child.itertext()) if tag in ("title", "p", "screen", "code") else ""
        if tag == "title":
            events.append((depth, heading(text)))
        elif text:
            events.append((0, plain(text)))
        elif tag not in ("", "info", "comment"):
            mallard(child, depth + (tag == "section"), events)


def pod(text, events):
    text = re.sub(r"[BICFLSXZ]<<+ (.*?) >>+", r"\1", text, flags=re.S)
    for _ in range(3):
        text = re.sub(r"[BICFSXZ]<([^<>]*)>", r"\1", text)
    text = re.sub(r"L<(?:([^<>|]*)\|)?([^<>]*)>", lambda link: link[1] or link[2], text)
    text = text.replace("E<lt>", "<").replace("E<gt>", ">")
    for block in re.split(r"\n\s*\n", text):
        block = block.strip("\n")
        if head := re.match(r"=head(\d) (.*)", block, re.S):
            events.append((int(head[1]), heading(head[2])))
        elif item := re.match(r"=item (.*)", block, re.S):
            events.append((0, plain(item[1])))
        elif block.startswith((" ", "\t")):
            events.append((0, "\n".join(block.splitlines()[:MAX_LINES])))
        elif not block.startswith("="):
            events.append((0, plain(block)))


def sections(events):
    path, paras = [], []
    for level, text in events:
        if not level:
            if path and text.strip(" -|"):
                paras.append(text[:MAX_CHARS])
        elif text:
            if path and paras:
                yield [title for _, title in path], paras
            path = [(above, title) for above, title in path if above < level] + [(level, text[:160])]
            paras = []
    if path and paras:
        yield [title for _, title in path], paras


def plain(text):
    return re.sub(r"\s+", " ", text.replace("¶", "").replace("\uf0c1", "")).strip()


def heading(text):
    """Without its number."""
    numbered = r"^(chapter|appendix|section)?\s*([A-Z]?\d+|[A-Z]\.\d+)(\.\d+)*\.?:?\s+"
    return re.sub(numbered, "", plain(text), flags=re.I).strip(" #").rstrip(".")


if __name__ == "__main__":
    main(*sys.argv[1:])
