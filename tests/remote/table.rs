//! Rows of real databases as documents.

use super::world::{World, counts};
use crate::tools::{mariadb::SpySchema, server::SpyDatabase, sqlite::SpyFile};

const ROWS: &str = "INSERT INTO requests VALUES
    (1001, 'VPN drops', 'Every hour on the Mac.', 'open', 'Mara Olsen', 'support', '2026-05-01 10:00:00'),
    (1002, 'Door stuck', 'The south gate does not open.', 'solved', 'Ben Iwase', 'support,facility', '2026-05-02 10:00:00'),
    (1003, 'Salary question', 'When is the bonus paid?', 'open', 'Ada Obi', 'people', '2026-05-03 10:00:00'),
    (1004, 'Whose is this?', 'No team yet.', 'open', NULL, NULL, '2026-05-03 11:00:00')";

fn table(kind: &str) -> String {
    format!(
        "CREATE TABLE requests (id {}, subject varchar(200), body text, status varchar(20), \
         owner varchar(50), team varchar(50), updated_at {kind})",
        "integer PRIMARY KEY"
    )
}

fn config(url: &str) -> String {
    format!(
        "[[database]]\nname = \"desk\"\nurl = \"{url}\"\n\
         [[source]]\nname = \"requests\"\n\
         [source.table]\ndatabase = \"desk\"\ntable = \"requests\"\nid = \"id\"\ntitle = \"subject\"\n\
         text = [\"body\"]\nupdated = \"updated_at\"\nauthor = \"owner\"\naudience = \"team\"\n\
         url = \"https://desk.example.com/requests/{{id}}\"\n"
    )
}

/// The same story on every server.
async fn tell(url: &str, run: impl AsyncFn(&str)) {
    let world = World::new(&config(url));
    let preview = world.dry_run().await;
    assert_eq!(counts(&preview), [3, 0, 0, 0, 1]);
    assert!(world.seen_by(&["support", "people"]).await.is_empty());

    let first = world.ingest().await;
    assert_eq!(counts(&first), [3, 0, 0, 0, 1], "{first:?}");
    assert!(first.faults[0].contains("column of the audience is empty"));
    let hit = &world
        .find_as("what about the south gate", &["facility"])
        .await[0];
    assert_eq!(hit.document.as_str(), "1002");
    assert_eq!(hit.kind.as_str(), "tickets");
    assert_eq!(hit.title, "Door stuck");
    assert_eq!(hit.locator, "https://desk.example.com/requests/1002");
    assert_eq!(hit.owner.as_deref(), Some("Ben Iwase"));
    assert_eq!(
        hit.date.map(|d| d.to_string()).as_deref(),
        Some("2026-05-02")
    );
    assert!(hit.text.contains("status: solved"), "{}", hit.text);
    assert_eq!(world.seen_by(&["support"]).await, ["1001", "1002"]);
    assert!(world.seen_by(&[]).await.is_empty());

    // Only rows as new as the newest are read again.
    assert_eq!(counts(&world.ingest().await), [0, 0, 0, 0, 1]);
    run("UPDATE requests SET body = 'The south gate is repaired.', updated_at = '2026-05-04 09:00:00' WHERE id = 1002").await;
    run("INSERT INTO requests VALUES (1000, 'Lamp', 'Room 7 is dark.', 'open', NULL, 'support', '2026-05-04 09:30:00')").await;
    let increment = world.ingest().await;
    assert_eq!(counts(&increment), [1, 1, 0, 0, 1], "{increment:?}");
    let hits = world.find_as("south gate", &["facility"]).await;
    assert!(hits[0].text.contains("repaired"), "{hits:?}");

    // A row that vanished, and one that nobody may see any more.
    run("DELETE FROM requests WHERE id = 1001").await;
    run("UPDATE requests SET team = NULL, updated_at = '2026-05-04 10:00:00' WHERE id = 1002")
        .await;
    let gone = world.ingest().await;
    assert_eq!(counts(&gone), [0, 0, 1, 2, 1], "{gone:?}");
    assert_eq!(
        world.seen_by(&["support", "people", "facility"]).await,
        ["1000", "1003"]
    );

    // Changed without a word of it: found when everything is read.
    run("UPDATE requests SET team = 'board' WHERE id = 1003").await;
    assert_eq!(counts(&world.ingest().await)[1], 0);
    world.a_day_later();
    assert_eq!(counts(&world.ingest().await)[1], 1);
    assert_eq!(world.seen_by(&["people"]).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_postgresql_become_documents() {
    let spy = SpyDatabase::new().await;
    spy.as_admin(&table("timestamptz")).await;
    spy.as_admin(ROWS).await;
    spy.as_admin(&format!("GRANT SELECT ON requests TO {}", spy.role))
        .await;
    tell(&spy.reader_url(), async |sql: &str| spy.as_admin(sql).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_mariadb_become_documents() {
    let spy = SpySchema::new().await;
    spy.as_admin(&table("datetime(6)")).await;
    spy.as_admin(ROWS).await;
    tell(&spy.reader_url(), async |sql: &str| spy.as_admin(sql).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_sqlite_become_documents() {
    let spy = SpyFile::new(&format!("{}; {ROWS}", table("text"))).await;
    tell(&spy.url(), async |sql: &str| spy.run(sql).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn role_that_can_write_is_refused() {
    let spy = SpyDatabase::new().await;
    spy.as_admin(&table("timestamptz")).await;
    spy.as_admin(&format!("GRANT INSERT ON requests TO {}", spy.role))
        .await;
    let report = World::new(&config(&spy.reader_url())).ingest().await;
    assert_eq!(counts(&report), [0; 5]);
    assert!(
        report.faults[0].contains("can write"),
        "{:?}",
        report.faults
    );
}

/// Ids that are no numbers are compared by their own type.
#[tokio::test(flavor = "multi_thread")]
async fn rows_named_by_a_uuid_are_paged() {
    let spy = SpyDatabase::new().await;
    spy.as_admin(
        "CREATE TABLE notes (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), text text); \
         INSERT INTO notes (text) SELECT 'short note' FROM generate_series(1, 620)",
    )
    .await;
    spy.as_admin(&format!("GRANT SELECT ON notes TO {}", spy.role))
        .await;
    let world = World::new(&format!(
        "[[database]]\nname = \"desk\"\nurl = \"{}\"\n[[source]]\nname = \"notes\"\n\
         [source.table]\ndatabase = \"desk\"\nsql = \"SELECT id, text FROM notes;\"\nid = \"id\"\n",
        spy.reader_url()
    ));
    assert_eq!(counts(&world.dry_run().await), [620, 0, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_that_was_cut_off_goes_on_where_it_was() {
    let rows = "CREATE TABLE notes (id integer PRIMARY KEY, text text); \
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 510) \
        INSERT INTO notes SELECT i, 'note ' || i FROM n; \
        UPDATE notes SET text = hex(zeroblob(200000)) WHERE id = 505";
    let spy = SpyFile::new(rows).await;
    let world = World::new(&format!(
        "[limits]\nfile_bytes = 100000\n[[database]]\nname = \"desk\"\nurl = \"{}\"\n\
         [[source]]\nname = \"notes\"\n[source.table]\ndatabase = \"desk\"\ntable = \"notes\"\nid = \"id\"\n",
        spy.url()
    ));
    let first = world.ingest().await;
    assert_eq!(counts(&first)[0], 504, "{:?}", first.faults);
    assert!(
        first.faults[0].contains("larger than limits.file_bytes"),
        "{:?}",
        first.faults
    );
    spy.run("UPDATE notes SET text = 'short again' WHERE id = 505; DELETE FROM notes WHERE id = 3")
        .await;
    let second = world.ingest().await;
    // The first rows are not read a second time; the one that is gone is missed in the list.
    assert_eq!(counts(&second), [6, 0, 0, 1, 0], "{:?}", second.faults);
    world.a_day_later();
    assert_eq!(counts(&world.ingest().await), [0, 0, 509, 0, 0]);
}
