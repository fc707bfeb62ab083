//! Finds the collection to work with, and makes it where it is missing.

use super::{DENSE, QdrantIndex, QdrantOptions, TERMS};
use crate::knowledge::index::{IndexError, IndexRecipe, Purpose, rarity::VisibleCounts};
use qdrant_client::{
    Qdrant,
    qdrant::{
        CreateAlias, CreateCollectionBuilder, CreateFieldIndexCollectionBuilder, Distance,
        FieldType, ScalarQuantizationBuilder, SparseVectorParamsBuilder,
        SparseVectorsConfigBuilder, VectorParamsBuilder, VectorsConfigBuilder,
    },
};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use std::{sync::Mutex, time::Duration};
use tracing::warn;

/// A batch of passages, or making a collection on a cluster, may take its time.
const INGEST_PATIENCE: Duration = Duration::from_secs(60);

const CONNECT: Duration = Duration::from_secs(3);

const DOING: &str = "open the index";

/// Between the parts of a collection's name.
const PART: &str = "--";

impl QdrantIndex {
    /// Opens the index, and makes what is missing. To search, a server that
    /// can't be reached is no error yet: it is asked again by every call.
    pub async fn open(
        options: &QdrantOptions,
        recipe: &IndexRecipe,
        purpose: Purpose,
    ) -> Result<Self, IndexError> {
        let index = Self::new(options, recipe, purpose)?;
        match index.collection().await {
            Err(error @ IndexError::Unreachable { .. }) if purpose.only_searches() => {
                warn!("{error}; going on without it until it answers");
            }
            outcome => drop(outcome?),
        }
        Ok(index)
    }

    fn new(
        options: &QdrantOptions,
        recipe: &IndexRecipe,
        purpose: Purpose,
    ) -> Result<Self, IndexError> {
        let bad = |problem: &str| IndexError::BadUrl {
            problem: problem.into(),
            expected: "http://HOST:6334` or `https://HOST:6334",
        };
        let text = options.url.expose_secret();
        let url = reqwest::Url::parse(text).map_err(|_| bad("it can't be read"))?;
        let host = url.host_str().ok_or_else(|| bad("it names no host"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad(
                "Qdrant takes no user and password; its key is `index.key`",
            ));
        }
        // Only what may be shown.
        let port = url.port().map_or(String::new(), |port| format!(":{port}"));
        let place = format!(
            "the index in Qdrant at {}://{host}{port}, `{}`",
            url.scheme(),
            options.name
        );
        let patience = match purpose {
            Purpose::Search => options.timeout,
            Purpose::Update | Purpose::Ingest => INGEST_PATIENCE,
        };
        let key = options
            .key
            .as_ref()
            .map(|key| key.expose_secret().to_string());
        let client = Qdrant::from_url(text)
            .api_key(key)
            .timeout(patience)
            .connect_timeout(CONNECT.min(patience))
            .keep_alive_while_idle()
            // The check prints to standard output, which belongs to our commands.
            .skip_compatibility_check()
            .build()
            .map_err(|_| bad("it can't be read"))?;
        Ok(Self {
            client,
            options: options.clone(),
            place,
            recipe: recipe.clone(),
            purpose,
            ready: Mutex::new(false),
            visible: VisibleCounts::default(),
        })
    }

    pub(super) fn patience(&self) -> Duration {
        match self.purpose {
            Purpose::Search => self.options.timeout,
            Purpose::Update | Purpose::Ingest => INGEST_PATIENCE,
        }
    }

    /// The collection of our model. The server is asked once whether it is
    /// there and in use, and again after it was gone.
    pub(super) async fn collection(&self) -> Result<String, IndexError> {
        let ours = self.name_of(&self.recipe);
        if *self.ready() {
            return Ok(ours);
        }
        match self.in_use().await? {
            Some(in_use) if in_use == ours => {}
            Some(in_use) if !self.purpose.may_replace() => {
                let was = self.recipe_of(&in_use).unwrap_or(IndexRecipe {
                    embedder: in_use,
                    ..self.recipe.clone()
                });
                return Err(was.refusal(self.place.clone(), &self.recipe));
            }
            Some(_) => self.make(&ours).await?,
            None => {
                self.make(&ours).await?;
                let request = CreateAlias {
                    collection_name: ours.clone(),
                    alias_name: self.options.name.clone(),
                };
                self.call(DOING, || self.client.create_alias(request.clone()))
                    .await?;
            }
        }
        if self.purpose.may_replace() {
            self.make_field_indexes(&ours).await?;
            self.remove_leftovers(&ours).await?;
        }
        *self.ready() = true;
        Ok(ours)
    }

    /// The collection that the alias names.
    pub(super) async fn in_use(&self) -> Result<Option<String>, IndexError> {
        let reply = self.call(DOING, || self.client.list_aliases()).await?;
        let alias = reply
            .aliases
            .into_iter()
            .find(|alias| alias.alias_name == self.options.name);
        Ok(alias.map(|alias| alias.collection_name))
    }

    /// `lorekeeper--2--384--bge-small-en--1f0c9a3e`: format, dimension, model,
    /// and a hash that keeps models apart whose names differ in signs only.
    fn name_of(&self, recipe: &IndexRecipe) -> String {
        let sound = |c: char| match c {
            c if c.is_ascii_alphanumeric() || c == '_' || c == '.' => c.to_ascii_lowercase(),
            _ => '-',
        };
        let model: String = recipe.embedder.chars().map(sound).take(80).collect();
        let hash = hex::encode(&Sha256::digest(&recipe.embedder)[..4]);
        let IndexRecipe {
            dimension, format, ..
        } = recipe;
        [
            &self.options.name,
            &format.to_string(),
            &dimension.to_string(),
            &model,
            &hash,
        ]
        .map(String::as_str)
        .join(PART)
    }

    /// What the name of one of our collections says; None for others'. The
    /// model is written as the name can hold it.
    pub(super) fn recipe_of(&self, collection: &str) -> Option<IndexRecipe> {
        let own = format!("{}{PART}", self.options.name);
        let (recipe, hash) = collection.strip_prefix(&own)?.rsplit_once(PART)?;
        let mut parts = recipe.splitn(3, PART);
        let format = parts.next()?.parse().ok()?;
        let dimension = parts.next()?.parse().ok()?;
        let embedder = parts.next()?.to_string();
        let is_hash = hash.len() == 8 && hash.chars().all(|c| c.is_ascii_hexdigit());
        is_hash.then_some(IndexRecipe {
            embedder,
            dimension,
            format,
        })
    }

    async fn make(&self, collection: &str) -> Result<(), IndexError> {
        let exists = self.call(DOING, || self.client.collection_exists(collection));
        if exists.await? {
            return Ok(());
        }
        let mut dense = VectorParamsBuilder::new(self.recipe.dimension as u64, Distance::Cosine);
        if self.options.quantize {
            let bytes = ScalarQuantizationBuilder::default()
                .quantile(0.99)
                .always_ram(true);
            // The whole vectors are read for the best alone.
            dense = dense.quantization_config(bytes).on_disk(true);
        }
        // No modifier: the server's would count passages that the asker may not see.
        let terms = SparseVectorParamsBuilder::default();
        let mut vectors = VectorsConfigBuilder::default();
        vectors.add_named_vector_params(DENSE, dense);
        let mut sparse = SparseVectorsConfigBuilder::default();
        sparse.add_named_vector_params(TERMS, terms);
        let mut request = CreateCollectionBuilder::new(collection)
            .vectors_config(vectors)
            .sparse_vectors_config(sparse)
            .on_disk_payload(true);
        if let Some(shards) = self.options.shards {
            request = request.shard_number(shards);
        }
        if let Some(replicas) = self.options.replicas {
            request = request.replication_factor(replicas);
        }
        let request = request.build();
        let made = self.call("make a collection", || {
            self.client.create_collection(request.clone())
        });
        if let Err(error) = made.await {
            // Another process may have been faster, or the first reply was lost.
            let exists = self.call(DOING, || self.client.collection_exists(collection));
            return if exists.await? { Ok(()) } else { Err(error) };
        }
        self.make_field_indexes(collection).await
    }

    /// Harmless to repeat. Without them every search would go through all passages.
    async fn make_field_indexes(&self, collection: &str) -> Result<(), IndexError> {
        let keywords = [
            "document",
            "source",
            "kind",
            "audience",
            "hash",
            "relation_keys",
        ];
        let keywords = keywords.map(|field| (field, FieldType::Keyword));
        let numbers = ["position", TERMS].map(|field| (field, FieldType::Integer));
        for (field, kind) in keywords.into_iter().chain(numbers) {
            let request = CreateFieldIndexCollectionBuilder::new(collection, field, kind)
                .wait(true)
                .build();
            self.call("index a field", || {
                self.client.create_field_index(request.clone())
            })
            .await?;
        }
        Ok(())
    }

    /// Collections of ours that are neither in use nor being filled.
    async fn remove_leftovers(&self, ours: &str) -> Result<(), IndexError> {
        let in_use = self.in_use().await?;
        let reply = self.call(DOING, || self.client.list_collections()).await?;
        let names = reply.collections.into_iter().map(|found| found.name);
        for name in names.filter(|name| self.recipe_of(name).is_some()) {
            if name != ours && Some(&name) != in_use.as_ref() {
                self.call("remove a former collection", || {
                    self.client.delete_collection(name.as_str())
                })
                .await?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(name: &str) -> QdrantIndex {
        let options = QdrantOptions {
            url: "http://127.0.0.1:6334".into(),
            key: None,
            name: name.into(),
            timeout: Duration::from_secs(1),
            shards: None,
            replicas: None,
            quantize: false,
        };
        let recipe = recipe("any");
        QdrantIndex::new(&options, &recipe, Purpose::Search).unwrap()
    }

    fn recipe(embedder: &str) -> IndexRecipe {
        IndexRecipe {
            embedder: embedder.into(),
            dimension: 384,
            format: 2,
        }
    }

    #[tokio::test]
    async fn name_of_a_collection_says_what_it_was_made_with() {
        let index = index("lore");
        let check = |embedder: &str, written: &str| {
            let name = index.name_of(&recipe(embedder));
            assert_eq!(index.recipe_of(&name), Some(recipe(written)), "{name}");
        };
        check("all-minilm-l6-v2 int8", "all-minilm-l6-v2-int8");
        check("org/Model--large", "org-model--large");
        check("模型", "--");
        let names = ["a b", "a-b", "A-B"].map(|model| index.name_of(&recipe(model)));
        assert!(names[0] != names[1] && names[1] != names[2], "{names:?}");
    }

    #[tokio::test]
    async fn collection_of_somebody_else_is_never_taken_for_ours() {
        let index = index("lore");
        for name in [
            "lore",
            "lore--2--384",
            "lore--notes--2025--summer--deadbeef",
            "lore--2--384--model--summer00",
            "lore_2--2--384--model--deadbeef",
            "",
        ] {
            assert_eq!(index.recipe_of(name), None, "{name}");
        }
    }
}
