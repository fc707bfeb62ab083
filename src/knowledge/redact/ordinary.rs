//! Words that look like names and are none.

/// Words that begin a sentence and are no names; in order.
#[rustfmt::skip]
pub(super) const BEGINNINGS: [&str; 128] = [
    "a", "after", "again", "agent", "all", "also", "although", "an", "and", "another", "any", "anyone", "anything",
    "as", "assistant", "at", "because", "before", "bot", "both", "but", "by", "caller", "client", "customer",
    "customers", "dear", "each", "engineering", "even", "every", "everybody", "everyone", "everything", "first",
    "for", "from", "guys", "he", "hello", "her", "here", "hey", "hi", "his", "how", "however", "i", "if", "in", "is",
    "it", "its", "last", "later", "let", "management", "many", "marketing", "maybe", "meanwhile", "more", "most",
    "my", "next", "no", "nobody", "not", "nothing", "now", "of", "ok", "okay", "on", "once", "one", "only", "or",
    "otherwise", "our", "patient", "people", "perhaps", "please", "she", "since", "so", "some", "somebody", "someone",
    "something", "sorry", "still", "such", "support", "system", "team", "thanks", "that", "the", "their", "them",
    "then", "there", "therefore", "these", "they", "this", "those", "to", "today", "tomorrow", "unless", "until",
    "user", "we", "what", "when", "where", "which", "while", "who", "why", "with", "yes", "yesterday", "you", "your",
];

/// Words that end or begin the names of firms, places, teams and products, not of people;
/// in order.
#[rustfmt::skip]
pub(super) const THINGS: [&str; 236] = [
    "access", "account", "accounts", "admin", "administration", "admins", "agencies", "agency", "agile", "airport",
    "alley", "analytics", "answer", "api", "app", "assistant", "association", "ave", "avenue", "azure", "bank",
    "billing", "board", "bot", "boulevard", "bridge", "building", "buildings", "business", "calendar", "case",
    "center", "central", "centre", "chapter", "checklist", "city", "cloud", "club", "co", "college", "commissioner",
    "committee", "community", "company", "compliance", "consulting", "contract", "corp", "corporation", "council",
    "country", "county", "court", "creek", "customer", "customers", "data", "database", "department", "deputy",
    "description", "design", "desk", "developer", "digital", "director", "district", "docs", "drive", "east", "email",
    "engagement", "engine", "engineering", "enterprises", "entertainment", "error", "events", "example", "facebook",
    "federal", "federation", "file", "files", "finance", "firmware", "form", "foundation", "frequently", "fund",
    "getting", "github", "global", "gmbh", "google", "government", "group", "guide", "handbook", "hardware",
    "heights", "help", "highway", "holdings", "hospital", "hotel", "human", "inc", "industries", "information",
    "infrastructure", "institute", "insurance", "internal", "international", "island", "islands", "labs",
    "leadership", "legal", "library", "limited", "line", "links", "listening", "llc", "llp", "logistics", "lower",
    "ltd", "mac", "management", "manager", "manual", "market", "matrix", "media", "meeting", "microsoft", "ministry",
    "mobile", "mountain", "museum", "national", "network", "new", "newly", "north", "note", "notes", "office", "old",
    "onboarding", "online", "operations", "ops", "order", "orders", "outreach", "partners", "payments", "plan",
    "platform", "policy", "portal", "pricing", "process", "product", "program", "project", "public", "quality",
    "question", "quick", "release", "report", "republic", "request", "requirement", "requirements", "resource",
    "resources", "return", "returns", "review", "risk", "road", "sales", "san", "school", "security", "server",
    "service", "services", "settings", "shop", "slack", "society", "software", "south", "square", "staff", "staffing",
    "store", "strategy", "street", "subject", "subtitle", "suite", "support", "survey", "surveys", "system",
    "systems", "task", "team", "technologies", "terminal", "time", "title", "tool", "tools", "training", "transport",
    "union", "unit", "university", "upper", "user", "valley", "version", "village", "web", "website", "week",
];

/// First names that are words, places or products as well.
#[rustfmt::skip]
pub(super) const ORDINARY: [&str; 193] = [
    "al", "alaska", "alba", "alta", "amber", "america", "angel", "april", "arch", "art", "asia", "august", "augusta",
    "aurora", "austin", "autumn", "avery", "axel", "baby", "bell", "berry", "bill", "blaze", "brain", "brook",
    "brooks", "brown", "buck", "bud", "buster", "carmine", "chad", "chance", "charity", "chase", "christ",
    "christian", "clay", "cleveland", "cloud", "columbus", "company", "coy", "crystal", "dakota", "dale", "dallas",
    "dan", "dawn", "dean", "dell", "delta", "destiny", "diamond", "dock", "earl", "earnest", "easter", "ebony",
    "eden", "ellis", "else", "emerald", "era", "faith", "fern", "florida", "ford", "forest", "foster", "freeman",
    "gage", "gay", "general", "genesis", "german", "golden", "grant", "green", "guy", "hail", "harmony", "haven",
    "heaven", "holly", "hope", "hunter", "in", "issue", "ivory", "ivy", "jade", "jewel", "jordan", "joy", "judge",
    "june", "junior", "justice", "kenya", "king", "lake", "lane", "london", "love", "loyal", "lucky", "major", "mark",
    "max", "may", "melody", "mercedes", "mercy", "merit", "meta", "milan", "miles", "miller", "miracle", "missouri",
    "misty", "montana", "name", "nash", "noble", "norma", "nova", "opal", "oral", "orion", "pansy", "paris", "pat",
    "patience", "pearl", "pierce", "pink", "porter", "precious", "price", "prince", "princess", "queen", "raven",
    "ray", "reed", "rex", "river", "robin", "rocky", "rod", "roman", "rose", "rosemary", "royal", "ruby", "rusty",
    "sage", "santa", "serenity", "sierra", "sim", "sincere", "sister", "sky", "skye", "sterling", "stone", "summer",
    "sunny", "sydney", "talon", "theo", "toy", "trace", "trinity", "true", "turner", "unique", "urban", "valentine",
    "van", "victor", "violet", "virginia", "vita", "viva", "ward", "webster", "will", "willow", "winter",
];
