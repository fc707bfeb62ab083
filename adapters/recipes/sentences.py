"""Sentences about an invented company: text for tokenizers, prompts and practice models.

Everything is drawn from the lists below with a seeded generator, so the same
seed gives the same text on every machine.
"""

import random

THINGS = ["invoice", "parcel", "laptop", "badge", "contract", "server", "ticket", "refund", "shuttle", "dashboard"]
TEAMS = ["finance", "warehouse", "support", "platform", "sales", "people", "security", "logistics"]
PEOPLE = ["Freya", "Mara", "Tomás", "Jürgen", "Aiko", "Priya", "Olu", "Zoë"]
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]
PLACES = ["Lisbon", "Malmö", "Graz", "the harbour office", "room 4", "the north depot"]
VERBS = ["approves", "repairs", "orders", "returns", "checks", "archives", "delivers", "counts"]

STATEMENTS = [
    "{person} from {team} {verb} every {thing} on {day}.",
    "The {team} team keeps the {thing} in {place} until {day}.",
    "Each {thing} above {number} EUR is signed by {person}.",
    "After {number} days a lost {thing} goes to {team}.",
    "{person} said: “the {thing} is in {place}, not with {team}”.",
    "To ask for a new {thing}, write to {team} before {day}, {hour}:30.",
    '{{"tool": "{verb}_{thing}", "limit": {number}, "team": "{team}"}}',
]

QUESTIONS = [
    "Where does {team} keep the {thing}?",
    "who {verb} the {thing} on {day}",
    "How many {thing}s were sent to {place} in {number} days?",
    "Is {person} in {place} on {day}?",
    "what does a {thing} cost, and who signs above {number} EUR?",
    "{person}: the {thing} is lost, what now?",
    "List every {thing} that {team} {verb}, newest first.",
    "Summarise ticket {number} for {person} from {team}.",
    "Wann kommt der {thing} in {place} an? 🙂",
    "{team}?",
]


def statement(rng: random.Random) -> str:
    return _filled(rng, STATEMENTS)


def question(rng: random.Random) -> str:
    return _filled(rng, QUESTIONS)


def statements(count: int, seed: int = 1) -> list[str]:
    rng = random.Random(seed)
    return [statement(rng) for _ in range(count)]


def prompts(count: int, seed: int = 2) -> list[str]:
    """Different prompts, from one word to a few sentences."""
    rng = random.Random(seed)
    found: dict[str, None] = {}
    while len(found) < count:
        context = [statement(rng) for _ in range(rng.choice([0, 0, 0, 1, 1, 3]))]
        found[" ".join([*context, question(rng)])] = None
    return list(found)


def _filled(rng: random.Random, patterns: list[str]) -> str:
    return rng.choice(patterns).format(
        thing=rng.choice(THINGS),
        team=rng.choice(TEAMS),
        person=rng.choice(PEOPLE),
        day=rng.choice(DAYS),
        place=rng.choice(PLACES),
        verb=rng.choice(VERBS),
        number=rng.randrange(2, 900),
        hour=rng.randrange(7, 19),
    )
