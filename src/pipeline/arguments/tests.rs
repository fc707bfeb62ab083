//! Questions about functions that the extraction was not made for.

use super::extract;
use crate::domain::Function;
use chrono::{DateTime, TimeZone, Utc};
use serde_json::{Value, json};

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 21, 9, 0, 0)
        .single()
        .expect("a valid time")
}

/// `properties`, of which those whose name begins with `?` are optional.
fn function(name: &str, description: &str, properties: Value) -> Function {
    let properties = properties
        .as_object()
        .expect("properties are an object")
        .clone();
    let required: Vec<&String> = properties
        .keys()
        .filter(|name| !name.starts_with('?'))
        .collect();
    let named = properties.iter().map(|(name, schema)| {
        let schema = match schema.as_str() {
            Some(kind) => json!({ "type": kind }),
            None => schema.clone(),
        };
        (name.trim_start_matches('?').to_string(), schema)
    });
    serde_json::from_value(json!({
        "name": name,
        "description": description,
        "parameters": {
            "type": "object",
            "required": required,
            "properties": named.collect::<serde_json::Map<_, _>>(),
        },
    }))
    .expect("it is a function")
}

#[track_caller]
fn check(function: &Function, question: &str, expected: Value) {
    let found = extract(&function.clone().into_tool(), question, now());
    assert_eq!(Value::Object(found.values), expected, "{question}");
}

#[test]
fn numbers_go_where_their_words_and_units_say() {
    let loan = function(
        "loan_payment",
        "Monthly payment of a loan",
        json!({
            "principal": {"type": "number", "description": "The amount that was lent"},
            "interest_rate": {"type": "number", "description": "Annual interest rate"},
            "years": "integer",
            "?down_payment": "number",
        }),
    );
    check(
        &loan,
        "payment for a loan of $250k over 30 years at 4.5%?",
        json!({"principal": 250_000, "interest_rate": 0.045, "years": 30}),
    );
    check(
        &loan,
        "at an interest rate of 3 percent for 10 years, what do I pay for 12,500 EUR",
        json!({"principal": 12_500, "interest_rate": 0.03, "years": 10}),
    );
    let parcel = function(
        "parcel_price",
        "Price of sending a parcel",
        json!({
            "weight_kg": "number",
            "length": {"type": "number", "description": "Length in centimeters"},
            "?pieces": "integer",
        }),
    );
    check(
        &parcel,
        "send a parcel of 800 g, 1.2 m long",
        json!({"weight_kg": 0.8, "length": 120}),
    );
    check(
        &parcel,
        "what do three pieces of 2 kg and 40 cm cost",
        json!({"weight_kg": 2, "length": 40, "pieces": 3}),
    );
}

#[test]
fn numbers_without_words_go_in_order() {
    let between = function(
        "ratio",
        "Ratio of two figures",
        json!({"first": "number", "second": "number"}),
    );
    check(
        &between,
        "ratio of 12 and 15",
        json!({"first": 12, "second": 15}),
    );
    check(
        &between,
        "the two figures are 1,250.5 and 90",
        json!({"first": 1250.5, "second": 90}),
    );
}

#[test]
fn rate_in_percent_stays_so_where_percent_is_asked_for() {
    let discounts = function(
        "discounts_above",
        "Sales with a discount above a percentage",
        json!({"percent": "number"}),
    );
    check(
        &discounts,
        "who gave more than 15% off",
        json!({"percent": 15}),
    );
}

#[test]
fn text_goes_where_prepositions_and_names_say() {
    let route = function(
        "route",
        "The way between two cities",
        json!({"origin": "string", "destination": "string", "?carrier": "string"}),
    );
    check(
        &route,
        "how do I get from Utrecht to Leeds?",
        json!({"origin": "Utrecht", "destination": "Leeds"}),
    );
    check(
        &route,
        "I must go to San Sebastian from Den Haag",
        json!({"origin": "Den Haag", "destination": "San Sebastian"}),
    );
    let book = function(
        "find_book",
        "Find a book in the library",
        json!({"title": "string", "?author": "string"}),
    );
    check(&book, "find the book 'Dune'", json!({"title": "Dune"}));
    check(
        &book,
        "do we have \"The Mythical Man-Month\" by Fred Brooks",
        json!({"title": "The Mythical Man-Month", "author": "Fred Brooks"}),
    );
    let weather = function(
        "site_weather",
        "Weather at a site",
        json!({"city": "string", "country": "string"}),
    );
    check(
        &weather,
        "weather in Porto, Portugal please",
        json!({"city": "Porto", "country": "Portugal"}),
    );
    let restaurants = function(
        "find_restaurants",
        "Find restaurants near an office",
        json!({"cuisine": "string", "location": "string"}),
    );
    check(
        &restaurants,
        "any Lebanese cuisine near Almelo",
        json!({"cuisine": "Lebanese", "location": "Almelo"}),
    );
}

#[test]
fn ids_and_files_are_codes_and_never_plain_words() {
    let device = function(
        "device",
        "State of a device",
        json!({"device_id": "string"}),
    );
    check(
        &device,
        "how is device tx204_b doing",
        json!({"device_id": "tx204_b"}),
    );
    check(&device, "how is the device doing", json!({}));
    let rows = function("count_rows", "Rows of a file", json!({"path": "string"}));
    check(
        &rows,
        "how many rows has /srv/data/june.csv",
        json!({"path": "/srv/data/june.csv"}),
    );
}

#[test]
fn addresses_go_to_those_who_get_mail() {
    let mail = function(
        "mails_to",
        "Mails of a person",
        json!({"recipient": "string"}),
    );
    check(
        &mail,
        "\"which mails about Moonraker went to mara@example.com\"",
        json!({"recipient": "mara@example.com"}),
    );
}

#[test]
fn dates_are_written_as_the_parameter_asks() {
    let bookings = |format: &str| {
        function(
            "bookings",
            "Bookings of a day",
            json!({"date": {"type": "string", "description": format}}),
        )
    };
    check(
        &bookings("The day"),
        "bookings on March 3rd, 2026",
        json!({"date": "2026-03-03"}),
    );
    check(
        &bookings("Format: MM/DD/YYYY"),
        "bookings of 24 December 2025",
        json!({"date": "12/24/2025"}),
    );
    check(
        &bookings("The day"),
        "bookings tomorrow",
        json!({"date": "2026-11-22"}),
    );
    let stay = function(
        "stays",
        "Stays in a flat",
        json!({"from_date": "string", "to_date": "string"}),
    );
    check(
        &stay,
        "stays from 2026-05-01 to 2026-05-09",
        json!({"from_date": "2026-05-01", "to_date": "2026-05-09"}),
    );
}

#[test]
fn values_of_the_schema_are_met_by_their_words() {
    let report = function(
        "report",
        "A report",
        json!({
            "grain": {"type": "string", "enum": ["daily", "weekly", "monthly"]},
            "?columns": {"type": "array", "items": {"type": "string", "enum": ["net_sales", "tax", "margin"]}},
            "?include_refunds": "boolean",
        }),
    );
    check(&report, "a weekly report", json!({"grain": "weekly"}));
    check(
        &report,
        "monthly report with margin and net sales, without refunds",
        json!({"grain": "monthly", "columns": ["margin", "net_sales"], "include_refunds": false}),
    );
    check(
        &report,
        "daily report including refunds",
        json!({"grain": "daily", "include_refunds": true}),
    );
}

#[test]
fn lists_are_read_in_brackets_and_as_enumerations() {
    let mean = function(
        "mean",
        "Mean of numbers",
        json!({"values": {"type": "array", "items": {"type": "number"}}}),
    );
    check(&mean, "mean of [3, 4.5, 9]", json!({"values": [3, 4.5, 9]}));
    check(
        &mean,
        "what is the mean of 3, 4 and 8?",
        json!({"values": [3, 4, 8]}),
    );
    let compare = function(
        "compare_products",
        "Compare products",
        json!({"products": {"type": "array", "items": {"type": "string"}}}),
    );
    check(
        &compare,
        "compare the products Roam, Quill and Counter One",
        json!({"products": ["Roam", "Quill", "Counter One"]}),
    );
}

#[test]
fn fields_of_objects_are_found_by_their_names() {
    let flats = function(
        "find_flats",
        "Find flats",
        json!({
            "city": "string",
            "rent": {
                "type": "object",
                "properties": {"min": {"type": "integer"}, "max": {"type": "integer"}},
                "required": ["max"],
            },
        }),
    );
    check(
        &flats,
        "flats in Utrecht, rent at most 1500 euros",
        json!({"city": "Utrecht", "rent": {"max": 1500}}),
    );
}

#[test]
fn currencies_are_given_by_their_codes() {
    let convert = function(
        "convert_currency",
        "Convert an amount",
        json!({"amount": "number", "from_currency": "string", "to_currency": "string"}),
    );
    check(
        &convert,
        "how much are 200 swiss francs in euros",
        json!({"amount": 200, "from_currency": "CHF", "to_currency": "EUR"}),
    );
}

#[test]
fn what_the_question_does_not_say_is_missing() {
    let area = function(
        "area",
        "Area of a room",
        json!({"width": "number", "height": "number"}),
    );
    let found = extract(&area.into_tool(), "how large is a room of 4 m width", now());
    assert_eq!(found.missing, ["height"]);
    assert_eq!(Value::Object(found.values), json!({"width": 4}));
}

#[test]
fn letters_of_any_script_do_no_harm() {
    let tool = function(
        "book_table",
        "Book a table in a cafe",
        json!({
            "kind": { "type": "string", "enum": ["cafes", "restaurants", "beer gardeners"] },
            "?day": { "type": "string", "description": "Date, YYYY-MM-DD" },
            "?guests": "integer",
            "?price": { "type": "number", "description": "Price in EUR" },
            "?terrace": "boolean",
            "?name": "string",
            "?dishes": { "type": "array", "items": { "type": "string" } },
        }),
    )
    .into_tool();
    for question in [
        "a table in a cafe for 5 guests on March 3rd, 2026 at 20 EUR on the terrace",
        "restaurant 'Sol' on 2026-03-05 with soup, fish and rice for Anna",
        "beer-garden tomorrow, name is Lee, five people, 1.267 billion",
    ] {
        for (at, _) in question.char_indices() {
            for letter in ["é", "İ", "ſ", "K", "ß", "語", "’", "🙂"] {
                let (before, after) = question.split_at(at);
                extract(&tool, &format!("{before}{letter}{after}"), now());
                extract(&tool, &format!("{before}{letter}{}", &after[1..]), now());
                extract(&tool, &format!("{before}{letter}"), now());
            }
        }
    }
}
