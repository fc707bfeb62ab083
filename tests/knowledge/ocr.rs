//! Pictures and scanned pages, read by the programs that are installed here.

use super::world::{World, documents};
use lorekeeper::config::OcrSection;
use std::{fs, path::Path, process::Command};

const KESTREL: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/fixtures/documents/kestrel.pdf"
);

fn english() -> OcrSection {
    OcrSection {
        languages: Some("eng".into()),
        ..OcrSection::default()
    }
}

/// The first page of a PDF with text, drawn: a picture of its words.
fn drawn(folder: &Path, format: &str) -> Vec<u8> {
    let page = folder.join("drawn");
    let drawing = Command::new("pdftoppm")
        .args([format, "-singlefile", "-r", "150", KESTREL])
        .arg(&page)
        .status();
    assert!(drawing.expect("pdftoppm runs").success());
    let ending = if format == "-png" { "png" } else { "jpg" };
    fs::read(page.with_extension(ending)).expect("is drawn")
}

/// A PDF whose only page is this picture, as a scanner makes them.
fn scanned(jpeg: &[u8], width: u32, height: u32) -> Vec<u8> {
    let drawing = "q 595 0 0 842 0 0 cm /Im0 Do Q";
    let picture = format!(
        "<</Type/XObject/Subtype/Image/Width {width}/Height {height}/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/DCTDecode/Length {}>>\nstream\n",
        jpeg.len()
    );
    let objects: [Vec<u8>; 5] = [
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</XObject<</Im0 4 0 R>>>>/Contents 5 0 R>>".to_vec(),
        [picture.as_bytes(), jpeg, b"\nendstream"].concat(),
        format!("<</Length {}>>\nstream\n{drawing}\nendstream", drawing.len()).into_bytes(),
    ];
    let mut pdf = b"%PDF-1.4\n".to_vec();
    let mut places = Vec::new();
    for (n, object) in objects.iter().enumerate() {
        places.push(pdf.len());
        pdf.extend(format!("{} 0 obj\n", n + 1).bytes());
        pdf.extend(object);
        pdf.extend(b"\nendobj\n");
    }
    let table = pdf.len();
    pdf.extend(b"xref\n0 6\n0000000000 65535 f \n");
    for place in places {
        pdf.extend(format!("{place:010} 00000 n \n").bytes());
    }
    pdf.extend(format!("trailer<</Size 6/Root 1 0 R>>\nstartxref\n{table}\n%%EOF\n").bytes());
    pdf
}

/// Width and height, as the frame of a JPEG says.
fn size(jpeg: &[u8]) -> (u32, u32) {
    let mut at = 2;
    loop {
        let (marker, length) = (
            jpeg[at + 1],
            usize::from(jpeg[at + 2]) << 8 | usize::from(jpeg[at + 3]),
        );
        if matches!(marker, 0xc0 | 0xc2) {
            let number = |at: usize| u32::from(jpeg[at]) << 8 | u32::from(jpeg[at + 1]);
            return (number(at + 7), number(at + 5));
        }
        at += 2 + length;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn words_of_pictures_and_scanned_pages_are_found_where_it_is_configured() {
    let mut world = World::new();
    let scratch = tempfile::tempdir().expect("a folder");
    let jpeg = drawn(scratch.path(), "-jpeg");
    let (width, height) = size(&jpeg);
    world.write("photo.png", drawn(scratch.path(), "-png"));
    let report = world.ingest().await;
    assert_eq!((report.added, report.faults.len()), (0, 0), "{report:?}");

    world.ocr = english();
    world.write("scan.pdf", scanned(&jpeg, width, height));
    let report = world.ingest().await;
    assert_eq!((report.added, report.faults), (2, Vec::new()));
    let hits = world.find("how long is the Kestrel scanner charged").await;
    assert!(hits[0].text.contains("six hours"), "{hits:?}");
    // Both pictures show one page; one of them is told with the place of the other.
    let copies = hits
        .iter()
        .flat_map(|hit| &hit.copies)
        .map(|copy| copy.document.as_str());
    let mut found: Vec<&str> = documents(&hits).into_iter().chain(copies).collect();
    found.sort_unstable();
    found.dedup();
    assert_eq!(found, ["photo.png", "scan.pdf"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn program_that_is_missing_or_has_no_such_language_is_named() {
    let mut world = World::new();
    world.write("photo.png", b"\x89PNG\r\n\x1a\nno picture");
    let fault = async |world: &World| world.ingest().await.faults.join("\n");
    world.ocr = OcrSection {
        tesseract: "/nonexistent/tesseract".into(),
        ..english()
    };
    let told = fault(&world).await;
    assert!(
        told.contains("photo.png: `/nonexistent/tesseract` can't be started"),
        "{told}"
    );
    world.ocr = OcrSection {
        languages: Some("xxx".into()),
        ..OcrSection::default()
    };
    let told = fault(&world).await;
    assert!(
        told.contains("photo.png: `tesseract` can't read it"),
        "{told}"
    );
    world.ocr = english();
    let told = fault(&world).await;
    assert!(told.starts_with("photo.png: "), "{told}");
}

/// The process that converts is ended, and the program that it started as well.
#[tokio::test(flavor = "multi_thread")]
async fn program_that_never_ends_is_ended() {
    let mut world = World::new();
    let program = world.folder.path().join("slow");
    let pid = world.folder.path().join("pid");
    fs::write(
        &program,
        format!("#!/bin/sh\necho $$ > {}\nexec sleep 600\n", pid.display()),
    )
    .expect("written");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&program, mode).expect("may run");
    world.write("photo.png", b"any");
    world.limits.convert_timeout_ms = 1_000;
    world.ocr = OcrSection {
        tesseract: program,
        timeout_ms: 1_000,
        ..english()
    };
    let report = world.ingest().await;
    assert_eq!(
        report.faults,
        ["photo.png: was not converted within limits.convert_timeout_ms = 1000"]
    );
    let pid = fs::read_to_string(pid).expect("it ran");
    let state = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    assert!(state.is_empty() || state.contains(") Z "), "{state}");
}
