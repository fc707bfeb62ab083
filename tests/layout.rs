//! The order of the house: a module uses only modules above it in `lib.rs`,
//! and the neighbours do not use one another.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

const NEIGHBOURS: [&str; 4] = ["store", "model", "knowledge", "tools"];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Top-level modules in the order of `lib.rs`.
fn modules() -> Vec<String> {
    let text = fs::read_to_string(source().join("lib.rs")).expect("lib.rs is read");
    let named = text
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    named.map(String::from).collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a source folder is read") {
        let path = entry.expect("an entry is read").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    files
}

/// The module that a file belongs to, by its path below `src`.
fn module_of(file: &Path) -> String {
    let below = file
        .strip_prefix(source())
        .expect("the file lies below src");
    let first = below
        .iter()
        .next()
        .expect("the path has a first part")
        .to_string_lossy()
        .into_owned();
    first.trim_end_matches(".rs").to_string()
}

/// Modules named in `crate::name` or in the first level of `use crate::{name, ...}`.
fn used_modules(text: &str) -> Vec<String> {
    let mut used = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => used.push(word(rest)),
            Some(list) => {
                let mut depth = 0;
                let mut expects_name = true;
                for (i, c) in list.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => expects_name = true,
                        c if depth == 0 && expects_name && c.is_alphabetic() => {
                            used.push(word(&list[i..]));
                            expects_name = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    used
}

fn word(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

#[test]
fn module_uses_only_modules_above_it() {
    let modules = modules();
    let place: HashMap<&str, usize> = modules
        .iter()
        .enumerate()
        .map(|(i, name)| (name.as_str(), i))
        .collect();
    assert!(place.len() > 5, "lib.rs lists the modules: {modules:?}");
    let mut faults = Vec::new();
    for file in rust_files(&source()) {
        let module = module_of(&file);
        let Some(&own) = place.get(module.as_str()) else {
            continue;
        };
        let text = fs::read_to_string(&file).expect("a source file is read");
        for used in used_modules(&text) {
            let Some(&other) = place.get(used.as_str()) else {
                continue;
            };
            let neighbours = module != used
                && NEIGHBOURS.contains(&module.as_str())
                && NEIGHBOURS.contains(&used.as_str());
            if other > own || neighbours {
                faults.push(format!("{} uses `{used}`", file.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
