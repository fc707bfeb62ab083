use super::*;
use crate::domain::Sensitive::*;
use proptest::prelude::*;

fn redactor() -> Redactor {
    let listed = ["Ng Wei".to_string(), "Plover".to_string()];
    Redactor::new(Names::new(&listed), b"salt")
}

/// Everything found, as `kind: words`.
fn found(text: &str) -> Vec<String> {
    let found = redactor().find(text);
    let found = found.iter();
    found
        .map(|found| format!("{:?}: {}", found.kind, &text[found.span.clone()]))
        .collect()
}

fn finds(kind: Sensitive, text: &str, expected: &str) {
    assert_eq!(found(text), [format!("{kind:?}: {expected}")], "{text}");
}

fn finds_nothing(texts: &[&str]) {
    for text in texts {
        assert_eq!(found(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn cards_are_known_by_their_check_digit() {
    finds(
        Card,
        "paid with 4111 1111 1111 1111 today",
        "4111 1111 1111 1111",
    );
    finds(Card, "5555-5555-5555-4444.", "5555-5555-5555-4444");
    finds(Card, "378282246310005", "378282246310005");
    finds(Card, "my card no 6759649826438453", "6759649826438453");
    finds_nothing(&[
        "paid with 4111 1111 1111 1112",
        "trace 0000000000000000",
        "order 2026112119204501",
        "sensor 41111111111111111111",
    ]);
}

#[test]
fn ibans_are_known_by_their_checksum() {
    finds(
        Iban,
        "to DE89 3704 0044 0532 0130 00, please",
        "DE89 3704 0044 0532 0130 00",
    );
    finds(Iban, "GB82WEST12345698765432", "GB82WEST12345698765432");
    finds_nothing(&["GB82WEST12345698765433", "SKU DE12ABCD3456EFGH"]);
}

#[test]
fn addresses_of_people_and_machines_are_found() {
    finds(
        Email,
        "write to ada.obi+lab@example.co.uk!",
        "ada.obi+lab@example.co.uk",
    );
    finds(IpAddress, "from 203.0.113.9.", "203.0.113.9");
    finds(
        IpAddress,
        "peer 2001:db8::8a2e:370:7334 left",
        "2001:db8::8a2e:370:7334",
    );
    finds_nothing(&[
        "version 4.18.0.2 is out",
        "section 1.2.3.4.5",
        "bind to 127.0.0.1 or 0.0.0.0",
        "at 10:20:30",
        "a @ b",
        "std::net::IpAddr",
    ]);
}

#[test]
fn phone_numbers_are_found_by_their_form_or_by_the_words_before() {
    let check = |text: &str, expected: &str| finds(Phone, text, expected);
    check("+41 (0)44 668 18 00", "+41 (0)44 668 18 00");
    check("at 001-212-555-0136", "001-212-555-0136");
    check("(212) 555-0136 x42", "(212) 555-0136 x42");
    check("01.42.68.53.00", "01.42.68.53.00");
    check("Mobile: 432 03 163", "432 03 163");
    check("call me on 5550136789", "5550136789");
    check("082 490 1693-Office", "082 490 1693");
    check("Phone: 0491 57 01 56", "0491 57 01 56");
    check("from (06 1) 555-0136 on", "(06 1) 555-0136");
    check("030/9018200", "030/9018200");
    check("at 212 555 0136, ext. 42", "212 555 0136, ext. 42");
    check("(+44) 20 7946 0018", "(+44) 20 7946 0018");
    check("my number is 55 50 13 67", "55 50 13 67");
    finds_nothing(&[
        "on 2026-11-21 at 10:20",
        "from 21.11.2026",
        "build 20261121",
        "it costs 1,200,300.50",
        "REQ-1042 and INC-2026-003",
        "phases 1 to 7",
        "revenue 12 345 678",
        "order number 5550136789",
        "between 0800 and 1200",
    ]);
}

#[test]
fn national_ids_are_found_by_form_check_digits_and_words() {
    for (text, expected) in [
        ("ssn 078-05-1120", "078-05-1120"),
        ("NI number AB 12 34 56 C", "AB 12 34 56 C"),
        ("NHS 943 476 5919", "943 476 5919"),
        ("SIN 046 454 286", "046 454 286"),
        ("Steuer-ID 86095742719", "86095742719"),
        ("INSEE 1 85 05 78 006 084 91", "1 85 05 78 006 084 91"),
        ("DNI 12345678Z", "12345678Z"),
        ("CF RSSMRA85T10A562S", "RSSMRA85T10A562S"),
        ("BSN 111222333", "111222333"),
        ("AHV 756.9217.0769.85", "756.9217.0769.85"),
        ("personnummer 811218-9876", "811218-9876"),
        ("hetu 131052-308T", "131052-308T"),
        ("PESEL 44051401359", "44051401359"),
        ("Aadhaar 2345 6789 1238", "2345 6789 1238"),
        ("CPF 529.982.247-25", "529.982.247-25"),
        ("TFN 123 456 782", "123 456 782"),
        (
            "my driver's license number is F162823540116",
            "F162823540116",
        ),
    ] {
        finds(NationalId, text, expected);
    }
    finds_nothing(&[
        "part 000-12-3456",
        "serial 111222333",
        "12345678A",
        "order 44051401359",
    ]);
}

#[test]
fn values_that_are_assigned_are_secrets_and_placeholders_are_not() {
    let check = |text: &str, expected: &str| finds(Secret, text, expected);
    check("DB_PASSWORD=hunter2-Kelp", "hunter2-Kelp");
    check("\"api_key\": \"9f8Kd03jLs\"", "9f8Kd03jLs");
    check("the wifi password is Gr33nHeron!", "Gr33nHeron!");
    check("postgres://shop:s3cr3t@db.internal/shop", "s3cr3t");
    check("Authorization: Bearer abcDEF0123456789", "abcDEF0123456789");
    finds_nothing(&[
        "password = \"<your password>\"",
        "token: ${TOKEN}",
        "the token is refused",
        "Password: required",
        "api_key = YOUR_API_KEY_1",
    ]);
}

#[test]
fn words_that_look_like_chance_are_secrets_and_hashes_are_not() {
    let key = "zT4kQ9vB2mX7pL1cW8nR5sD3fG6hJ0aY";
    finds(Secret, &format!("use {key} here"), key);
    finds_nothing(&[
        "commit 9b74c9897bac770ffc029102a200c5de9b74c989",
        "550e8400-e29b-41d4-a716-446655440000",
        "src/knowledge/redact/secrets/tests/mod/and/others.rs",
        "see [the form](https://docs.example.com/d/1VxwbatliieP78qNVmdHxt1ROvSro4yKe9OkjQd58/edit)",
        "at https://example.com/embed?src=0BwzPQaT19ZdofjhPRGRhLW1BWGNQc1kzTHhZbDA2YW15",
        "AVeryLongNameOfSomeClassThatDoesManyThings2",
        "a_function_name_that_is_really_very_long_indeed",
    ]);
}

#[test]
fn names_are_found_by_list_by_first_name_and_by_the_words_around() {
    let check = |text: &str, expected: &str| finds(Person, text, expected);
    check("ask ng wei about it", "ng wei");
    check(
        "The owner is Margaret Thornton-Lee.",
        "Margaret Thornton-Lee",
    );
    check("we asked Margaret about it", "Margaret");
    check(
        "please correct it to Mrs. Nanaho Nishiyama",
        "Nanaho Nishiyama",
    );
    check("My name is Csanád.", "Csanád");
    check("Customer: Wilmsen, since 2019", "Wilmsen");
    check("directed by Wacława Adamska", "Wacława Adamska");
    check("Iwase lives at the lake", "Iwase");
    check(
        "Vilmer Holmberg\nHead of things\nvilmer is 55501",
        "Vilmer Holmberg",
    );
    check(
        "Wacława Adamska, our technician, said no",
        "Wacława Adamska",
    );
    check("Kind regards,\nIwase\n", "Iwase");
    check(
        "What is your name? Client: Nanaho Nishiyama",
        "Nanaho Nishiyama",
    );
    check("> Nanaho Nishiyama\n> Mill Lane 204", "Nanaho Nishiyama");
    check("please add Nanaho Nishiyama as owner", "Nanaho Nishiyama");
    check("Iwase, could you look at this?", "Iwase");
    check("the bill of Iwase's daughter", "Iwase");
    check("Nishiyama: “It is late.”", "Nishiyama");
    check("her maiden name is nishiyama", "nishiyama");
    check("Mrs. Nanaho Nishiyama Suite 541", "Nanaho Nishiyama");
    check("can you ask margaret about the till", "margaret");
    finds_nothing(&[
        "Talk to Terminal Firmware about the terminal and its firmware",
        "integrated with Google Calendar by Payments Support",
        "Otherwise, can you restart it?",
        "title: \"Travel\"",
        "Washing, Drying, Folding and Ironing",
        "Return Policy",
        "April was good. May comes next.",
        "The Major Incident Process",
        "Grant access to the Price List",
        "plovers fly",
    ]);
}

#[test]
fn names_in_a_row_are_all_names_where_half_of_them_are_known() {
    assert_eq!(
        found("It was Margaret, Iwase and Robert."),
        ["Person: Margaret", "Person: Iwase", "Person: Robert"]
    );
    finds_nothing(&["It was Plumage, Kelp and Heron."]);
}

#[test]
fn lists_of_words_are_in_order() {
    use super::ordinary::{BEGINNINGS, THINGS};
    assert!(BEGINNINGS.is_sorted() && THINGS.is_sorted());
}

#[test]
fn policy_says_what_becomes_of_each_kind() {
    let check = |policy: RedactionPolicy, expected: &str, places: usize| {
        let text = "Pay Mrs. Iwase by 4111111111111111, iwase@example.com";
        let redactor = redactor();
        let mut counts = Redacted::new();
        let redacted = redactor.redact(text, &policy, &mut counts);
        assert_eq!(redacted, expected);
        assert_eq!(counts.values().sum::<usize>(), places);
    };
    check(
        RedactionPolicy::default(),
        "Pay Mrs. Iwase by [card number], iwase@example.com",
        1,
    );
    check(
        RedactionPolicy::all(Treatment::Mask),
        "Pay Mrs. [name] by [card number], [e-mail address]",
        3,
    );
    check(RedactionPolicy::all(Treatment::Drop), "Pay Mrs.  by , ", 3);
    check(
        RedactionPolicy::all(Treatment::Keep),
        "Pay Mrs. Iwase by 4111111111111111, iwase@example.com",
        0,
    );
}

#[test]
fn hash_is_the_same_for_the_same_value_and_another_for_another_salt() {
    let policy = RedactionPolicy::all(Treatment::Hash);
    let mark = |salt: &[u8], text: &str| {
        let redactor = Redactor::new(Names::default(), salt);
        let redacted = redactor.redact(text, &policy, &mut Redacted::new());
        redacted.into_owned()
    };
    let one = mark(b"a", "Card 4111 1111 1111 1111");
    assert_eq!(one, mark(b"a", "Card 4111-1111-1111-1111"));
    assert_ne!(one, mark(b"b", "Card 4111 1111 1111 1111"));
    assert_ne!(one, mark(b"a", "Card 5555 5555 5555 4444"));
    assert!(one.starts_with("Card [card number "), "{one}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_looked_through(text in "(\\PC|[0-9 .:@=/+-]|[A-Z][a-z]+ |\\n){0,80}") {
        let redactor = redactor();
        let found = redactor.find(&text);
        let mut end = 0;
        for place in &found {
            prop_assert!(end <= place.span.start && !place.span.is_empty());
            prop_assert!(text.get(place.span.clone()).is_some());
            end = place.span.end;
        }
        let mut counts = Redacted::new();
        let kept = redactor.redact(&text, &RedactionPolicy::all(Treatment::Keep), &mut counts);
        prop_assert_eq!(kept.as_ref(), text.as_str());
        prop_assert!(counts.is_empty());
    }
}
