"""What a search finds for the questions in ../data: candidates.py PROGRAM WORK

Writes WORK/NAME.jsonl for each organisation, a line {"question", "answers",
"passages": [{"id", "text", "right", "near", "features"}]}: passages that answer
or were named as tempting first, then what PROGRAM (`lorekeeper`) finds.
"""

import json
import pathlib
import subprocess
import sys

from excerpt import excerpt

FOUND = 10
FEATURES = ("score", "similarity", "met")


def main(program, work):
    for folder in sorted((pathlib.Path(__file__).parent.parent / "data").iterdir()):
        read = lambda name: [json.loads(line) for line in open(folder / name, encoding="utf-8")]
        passages, questions = {row["id"]: row for row in read("passages.jsonl")}, read("questions.jsonl")
        place = pathlib.Path(work) / folder.name
        place.mkdir(parents=True, exist_ok=True)
        with open(place / "corpus.jsonl", "w", encoding="utf-8") as corpus:
            for row in passages.values():
                corpus.write(json.dumps({"_id": row["id"], "title": row["title"], "text": f"{row['section']}\n\n{row['text']}"}) + "\n")
        run = lambda *arguments, lines="": subprocess.run(
            [program, "--data-dir", place / "index", *arguments], input=lines, text=True, stdout=subprocess.PIPE, check=True).stdout
        run("ingest", str(place / "corpus.jsonl"), "--source", "corpus")
        asked = "".join(json.dumps({"id": n, "query": row["question"]}) + "\n" for n, row in enumerate(questions))
        found = map(json.loads, run("search", "--lines", "--top-k", str(FOUND), lines=asked).splitlines())
        with open(f"{place}.jsonl", "w", encoding="utf-8") as out:
            for search in found:
                out.write(json.dumps(group(questions[search["id"]], passages, search["hits"]), ensure_ascii=False) + "\n")


def group(question, passages, hits):
    ids = dict.fromkeys(question["answers"] + question["near"] + [hit["document"] for hit in hits])
    features = {hit["document"]: {key: hit[key] for key in FEATURES} for hit in hits}
    seen = lambda id_: {"id": id_, "text": excerpt(question["question"], passages[id_]), "right": id_ in question["answers"],
                        "near": id_ in question["near"] and id_ not in question["answers"], "features": features.get(id_)}
    return {"question": question["question"], "answers": question["answers"], "passages": [seen(id_) for id_ in ids]}


if __name__ == "__main__":
    main(*sys.argv[1:])
