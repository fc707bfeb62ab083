//! The folder of an embedded index: which shard is searched, and which one is
//! being filled beside it.
//!
//! `recipe.json` names the shard in use and what its vectors were made with,
//! `next.json` the one being filled. Taking over is renaming the second to the
//! first: there is no moment without an index, and none with half of one.

use super::{lock::FolderLock, shard::Shard};
use crate::{
    knowledge::index::{IndexError, IndexRecipe, Purpose, Replaced},
    ports::BoxError,
};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

const IN_USE: &str = "recipe.json";
const NEXT: &str = "next.json";

pub struct IndexFolder {
    path: PathBuf,
    /// Of the shard that is open here.
    generation: Generation,
    replaces: Mutex<Option<Replaced>>,
    _lock: FolderLock,
}

/// A shard and its recipe, as the two files say it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Generation {
    #[serde(flatten)]
    recipe: IndexRecipe,
    #[serde(default = "first_shard")]
    shard: String,
}

fn first_shard() -> String {
    "shard".into()
}

impl IndexFolder {
    pub fn open(path: &Path, recipe: &IndexRecipe, purpose: Purpose) -> Result<Self, IndexError> {
        let failed = |source| IndexError::Folder {
            folder: path.to_path_buf(),
            source,
        };
        fs::create_dir_all(path).map_err(failed)?;
        let lock = FolderLock::take(path)?;
        let in_use = match read(path, IN_USE)? {
            Some(generation) => generation,
            None => {
                let first = Generation {
                    recipe: recipe.clone(),
                    shard: first_shard(),
                };
                write(path, IN_USE, &first).map_err(failed)?;
                first
            }
        };
        let fits = in_use.recipe == *recipe;
        let (generation, replaces) = match purpose {
            _ if fits => (in_use, None),
            Purpose::Search | Purpose::Update => {
                return Err(in_use.recipe.refusal(place(path), recipe));
            }
            Purpose::Ingest => {
                let sources = Shard::open(&path.join(&in_use.shard), &in_use.recipe)?.sources()?;
                let replaced = Replaced {
                    embedder: in_use.recipe.embedder.clone(),
                    sources,
                };
                (next(path, recipe, &in_use)?, Some(replaced))
            }
        };
        let folder = Self {
            path: path.to_path_buf(),
            generation,
            replaces: Mutex::new(replaces),
            _lock: lock,
        };
        if purpose.may_replace() {
            folder.remove_leftovers().map_err(failed)?;
        }
        Ok(folder)
    }

    pub fn place(&self) -> String {
        place(&self.path)
    }

    pub fn shard(&self) -> PathBuf {
        self.path.join(&self.generation.shard)
    }

    pub fn replaces(&self) -> Option<Replaced> {
        self.replaced().clone()
    }

    /// The shard must be on disk by now.
    pub fn take_over(&self) -> Result<(), IndexError> {
        let failed = |source| IndexError::Folder {
            folder: self.path.clone(),
            source,
        };
        let mut replaced = self.replaced();
        if replaced.is_none() {
            return Ok(());
        }
        fs::rename(self.path.join(NEXT), self.path.join(IN_USE)).map_err(failed)?;
        sync_folder(&self.path).map_err(failed)?;
        *replaced = None;
        drop(replaced);
        // The lock says that nobody else has the former shard open.
        self.remove_leftovers().map_err(failed)
    }

    /// Shards that neither file names: a kill came between a switch and the
    /// removal, or the model was changed twice.
    fn remove_leftovers(&self) -> io::Result<()> {
        let mut kept = vec![self.generation.shard.clone()];
        if self.replaced().is_some() {
            let in_use = read(&self.path, IN_USE).map_err(io::Error::other)?;
            kept.extend(in_use.map(|generation| generation.shard));
        } else if let Err(error) = fs::remove_file(self.path.join(NEXT))
            && error.kind() != ErrorKind::NotFound
        {
            return Err(error);
        }
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_shard = name == first_shard() || name.starts_with("shard-");
            if is_shard && !kept.contains(&name) && entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    fn replaced(&self) -> std::sync::MutexGuard<'_, Option<Replaced>> {
        self.replaces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(path: &Path) -> String {
    format!("the index in {}", path.display())
}

/// The generation to fill: the one that an earlier run began with this recipe, or a new one.
fn next(path: &Path, recipe: &IndexRecipe, in_use: &Generation) -> Result<Generation, IndexError> {
    let failed = |source| IndexError::Folder {
        folder: path.to_path_buf(),
        source,
    };
    let begun = read(path, NEXT)?;
    if let Some(begun) = begun.filter(|begun| begun.recipe == *recipe) {
        return Ok(begun);
    }
    let name = (2..)
        .map(|n| format!("shard-{n}"))
        .find(|name| *name != in_use.shard)
        .unwrap_or_else(first_shard);
    // What an abandoned generation left there would be taken for passages of this one.
    match fs::remove_dir_all(path.join(&name)) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let new = Generation {
        recipe: recipe.clone(),
        shard: name,
    };
    write(path, NEXT, &new).map_err(failed)?;
    Ok(new)
}

fn read(folder: &Path, name: &str) -> Result<Option<Generation>, IndexError> {
    let open = |source: BoxError| IndexError::Open {
        folder: folder.to_path_buf(),
        source,
    };
    match fs::read(folder.join(name)) {
        Ok(text) => serde_json::from_slice(&text)
            .map(Some)
            .map_err(|error| open(error.into())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(IndexError::Folder {
            folder: folder.to_path_buf(),
            source,
        }),
    }
}

/// Whole or not at all: a cut-off file would lock everybody out.
fn write(folder: &Path, name: &str, generation: &Generation) -> io::Result<()> {
    let text = serde_json::to_vec(generation)?;
    let draft = folder.join(format!("{name}.new"));
    let mut file = File::create(&draft)?;
    file.write_all(&text)?;
    file.sync_all()?;
    fs::rename(&draft, folder.join(name))?;
    sync_folder(folder)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
