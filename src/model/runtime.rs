//! ONNX Runtime's library, loaded once and shared by every session.
//!
//! The library is opened while the program runs, so the program builds and
//! starts without it, and a machine with a graphics card brings its own.

use super::files::setup_folders;
use ort::environment::Environment;
use std::{
    env,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    #[error(
        "ONNX Runtime was not found (looked for {}): run deploy/setup/models.sh, \
         or name the library with ORT_DYLIB_PATH or `model.onnxruntime`", list(.looked))]
    NotFound { looked: Vec<PathBuf> },
    #[error("{} is not a usable ONNX Runtime 1.24 or newer: {problem}", path.display())]
    Unusable { path: PathBuf, problem: String },
}

fn list(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
    names.join(", ")
}

/// One environment a process: ONNX Runtime allows no second one.
static LOADED: Mutex<Option<Arc<Environment>>> = Mutex::new(None);

/// The environment of this process. The first call decides which library it is.
pub fn load(configured: Option<&Path>) -> Result<Arc<Environment>, RuntimeError> {
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = loaded.as_ref() {
        return Ok(environment.clone());
    }
    let path = find_library(configured)?;
    let unusable = |problem: String| RuntimeError::Unusable { path: path.clone(), problem };
    let environment = ort::init_from(&path)
        .map_err(|error| unusable(error.to_string()))?
        .with_name("lorekeeper")
        .with_telemetry(false)
        .build()
        .map_err(|error| unusable(error.to_string()))?;
    // Otherwise every session warns once for each constant that could be overridden.
    environment.set_log_level(ort::logging::LogLevel::Error);
    let environment = Arc::new(environment);
    *loaded = Some(environment.clone());
    Ok(environment)
}

/// A path that somebody named is the only one looked at.
fn find_library(configured: Option<&Path>) -> Result<PathBuf, RuntimeError> {
    let named = configured.map(Path::to_path_buf).or_else(|| {
        env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty()).map(PathBuf::from)
    });
    let looked = match named {
        Some(path) => vec![path],
        None => usual_places(),
    };
    match looked.iter().find(|path| path.is_file()) {
        Some(path) => Ok(path.clone()),
        None => Err(RuntimeError::NotFound { looked }),
    }
}

fn usual_places() -> Vec<PathBuf> {
    let library = libloading_name();
    let beside = env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join(library)));
    let set_up = setup_folders().into_iter().map(|folder| folder.join("onnxruntime").join(library));
    set_up.chain(beside).collect()
}

fn libloading_name() -> &'static str {
    if cfg!(target_os = "macos") { "libonnxruntime.dylib" } else { "libonnxruntime.so" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn library_that_was_named_and_is_missing_is_an_error_with_the_remedy() {
        let error = find_library(Some(Path::new("/nowhere/libonnxruntime.so"))).expect_err("must be missing");
        let text = error.to_string();
        assert!(text.contains("/nowhere/libonnxruntime.so") && text.contains("models.sh"), "{text}");
    }
}
