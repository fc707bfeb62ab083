//! The two gRPC services, call by call.

use super::{
    State,
    collection::{Collection, Point, key, wrong},
};
use qdrant_client::qdrant::{
    AliasDescription, ChangeAliases, ClearPayloadPoints, CollectionClusterInfoRequest,
    CollectionClusterInfoResponse, CollectionDescription, CollectionExists,
    CollectionExistsRequest, CollectionExistsResponse, CollectionOperationResponse, CountPoints,
    CountResponse, CountResult, CreateCollection, CreateFieldIndexCollection,
    CreateShardKeyRequest, CreateShardKeyResponse, CreateVectorNameRequest, DeleteCollection,
    DeleteFieldIndexCollection, DeletePayloadPoints, DeletePointVectors, DeletePoints,
    DeleteShardKeyRequest, DeleteShardKeyResponse, DeleteVectorNameRequest, DiscoverBatchPoints,
    DiscoverBatchResponse, DiscoverPoints, DiscoverResponse, FacetCounts, FacetResponse, Filter,
    GetCollectionInfoRequest, GetCollectionInfoResponse, GetPoints, GetResponse,
    ListAliasesRequest, ListAliasesResponse, ListCollectionAliasesRequest, ListCollectionsRequest,
    ListCollectionsResponse, ListShardKeysRequest, ListShardKeysResponse, PointsOperationResponse,
    PointsSelector, QueryBatchPoints, QueryBatchResponse, QueryGroupsResponse, QueryPointGroups,
    QueryPoints, QueryResponse, RecommendBatchPoints, RecommendBatchResponse,
    RecommendGroupsResponse, RecommendPointGroups, RecommendPoints, RecommendResponse,
    RetrievedPoint, ScoredPoint, ScrollPoints, ScrollResponse, SearchBatchPoints,
    SearchBatchResponse, SearchGroupsResponse, SearchMatrixOffsetsResponse,
    SearchMatrixPairsResponse, SearchMatrixPoints, SearchPointGroups, SearchPoints, SearchResponse,
    SetPayloadPoints, UpdateBatchPoints, UpdateBatchResponse, UpdateCollection,
    UpdateCollectionClusterSetupRequest, UpdateCollectionClusterSetupResponse, UpdatePointVectors,
    UpdateResult, UpdateStatus, UpsertPoints, Value, WithPayloadSelector, alias_operations::Action,
    collections_server::Collections, points_selector::PointsSelectorOneOf, points_server::Points,
    query::Variant, vector_input, vectors_config::Config, with_payload_selector::SelectorOptions,
};
use std::{
    collections::{BTreeMap, HashMap},
    pin::Pin,
    sync::{Arc, Mutex},
};
use tonic::{Request, Response, Status};

#[derive(Clone)]
pub struct Service(pub Arc<Mutex<State>>);

type Reply<'a, T> = Pin<Box<dyn Future<Output = Result<Response<T>, Status>> + Send + 'a>>;

/// Calls that [`Answer`] answers, in the shape that the generated traits want.
macro_rules! served {
    ($($call:ident: $asked:ident => $told:ident;)+) => {$(
        fn $call<'a, 'b>(&'a self, request: Request<$asked>) -> Reply<'b, $told>
        where
            'a: 'b,
            Self: 'b,
        {
            let answer = || {
                let mut state = self.0.lock().map_err(|_| Status::internal("broken"))?;
                state.admit(stringify!($call), &request)?;
                <State as Answer<$asked, $told>>::answer(&mut state, request.into_inner())
            };
            let answer = answer().map(Response::new);
            Box::pin(async move { answer })
        }
    )+};
}

/// Calls that Lorekeeper never makes.
macro_rules! unserved {
    ($($call:ident: $asked:ident => $told:ident;)+) => {$(
        fn $call<'a, 'b>(&'a self, _: Request<$asked>) -> Reply<'b, $told>
        where
            'a: 'b,
            Self: 'b,
        {
            Box::pin(async { Err(Status::unimplemented(stringify!($call))) })
        }
    )+};
}

impl Collections for Service {
    served! {
        list: ListCollectionsRequest => ListCollectionsResponse;
        create: CreateCollection => CollectionOperationResponse;
        delete: DeleteCollection => CollectionOperationResponse;
        update_aliases: ChangeAliases => CollectionOperationResponse;
        list_aliases: ListAliasesRequest => ListAliasesResponse;
        collection_exists: CollectionExistsRequest => CollectionExistsResponse;
    }
    unserved! {
        get: GetCollectionInfoRequest => GetCollectionInfoResponse;
        update: UpdateCollection => CollectionOperationResponse;
        list_collection_aliases: ListCollectionAliasesRequest => ListAliasesResponse;
        collection_cluster_info: CollectionClusterInfoRequest => CollectionClusterInfoResponse;
        update_collection_cluster_setup: UpdateCollectionClusterSetupRequest => UpdateCollectionClusterSetupResponse;
        create_shard_key: CreateShardKeyRequest => CreateShardKeyResponse;
        delete_shard_key: DeleteShardKeyRequest => DeleteShardKeyResponse;
        list_shard_keys: ListShardKeysRequest => ListShardKeysResponse;
    }
}

impl Points for Service {
    served! {
        upsert: UpsertPoints => PointsOperationResponse;
        delete: DeletePoints => PointsOperationResponse;
        get: GetPoints => GetResponse;
        set_payload: SetPayloadPoints => PointsOperationResponse;
        create_field_index: CreateFieldIndexCollection => PointsOperationResponse;
        scroll: ScrollPoints => ScrollResponse;
        count: CountPoints => CountResponse;
        query: QueryPoints => QueryResponse;
    }
    unserved! {
        update_vectors: UpdatePointVectors => PointsOperationResponse;
        delete_vectors: DeletePointVectors => PointsOperationResponse;
        overwrite_payload: SetPayloadPoints => PointsOperationResponse;
        delete_payload: DeletePayloadPoints => PointsOperationResponse;
        clear_payload: ClearPayloadPoints => PointsOperationResponse;
        delete_field_index: DeleteFieldIndexCollection => PointsOperationResponse;
        create_vector_name: CreateVectorNameRequest => PointsOperationResponse;
        delete_vector_name: DeleteVectorNameRequest => PointsOperationResponse;
        search: SearchPoints => SearchResponse;
        search_batch: SearchBatchPoints => SearchBatchResponse;
        search_groups: SearchPointGroups => SearchGroupsResponse;
        recommend: RecommendPoints => RecommendResponse;
        recommend_batch: RecommendBatchPoints => RecommendBatchResponse;
        recommend_groups: RecommendPointGroups => RecommendGroupsResponse;
        discover: DiscoverPoints => DiscoverResponse;
        discover_batch: DiscoverBatchPoints => DiscoverBatchResponse;
        update_batch: UpdateBatchPoints => UpdateBatchResponse;
        query_batch: QueryBatchPoints => QueryBatchResponse;
        query_groups: QueryPointGroups => QueryGroupsResponse;
        facet: FacetCounts => FacetResponse;
        search_matrix_pairs: SearchMatrixPoints => SearchMatrixPairsResponse;
        search_matrix_offsets: SearchMatrixPoints => SearchMatrixOffsetsResponse;
    }
}

trait Answer<Asked, Told> {
    fn answer(&mut self, asked: Asked) -> Result<Told, Status>;
}

impl Answer<ListCollectionsRequest, ListCollectionsResponse> for State {
    fn answer(&mut self, _: ListCollectionsRequest) -> Result<ListCollectionsResponse, Status> {
        let names = self.collections.keys().cloned();
        Ok(ListCollectionsResponse {
            collections: names.map(|name| CollectionDescription { name }).collect(),
            time: 0.0,
        })
    }
}

impl Answer<CreateCollection, CollectionOperationResponse> for State {
    fn answer(&mut self, asked: CreateCollection) -> Result<CollectionOperationResponse, Status> {
        let name = asked.collection_name.clone();
        if self.collections.contains_key(&name) {
            return Err(Status::already_exists(format!(
                "Wrong input: Collection `{name}` already exists!"
            )));
        }
        let config = asked
            .vectors_config
            .clone()
            .and_then(|config| config.config);
        let Some(Config::ParamsMap(named)) = config else {
            return Err(wrong("no named vectors"));
        };
        let dense = named.map.get("dense").ok_or_else(|| wrong("no `dense`"))?;
        let dimension = dense.size as usize;
        self.created.push(asked);
        self.collections.insert(name, Collection::new(dimension));
        Ok(operated())
    }
}

impl Answer<DeleteCollection, CollectionOperationResponse> for State {
    fn answer(&mut self, asked: DeleteCollection) -> Result<CollectionOperationResponse, Status> {
        let name = asked.collection_name;
        self.aliases.retain(|_, collection| *collection != name);
        self.collections.remove(&name);
        Ok(operated())
    }
}

impl Answer<ChangeAliases, CollectionOperationResponse> for State {
    fn answer(&mut self, asked: ChangeAliases) -> Result<CollectionOperationResponse, Status> {
        for action in asked.actions {
            let Some(Action::CreateAlias(alias)) = action.action else {
                return Err(Status::unimplemented("the fake only makes aliases"));
            };
            self.collection(&alias.collection_name)?;
            if self.collections.contains_key(&alias.alias_name) {
                return Err(wrong("there is a collection of that name"));
            }
            // One that exists is moved, as on the server.
            self.aliases.insert(alias.alias_name, alias.collection_name);
        }
        Ok(operated())
    }
}

impl Answer<ListAliasesRequest, ListAliasesResponse> for State {
    fn answer(&mut self, _: ListAliasesRequest) -> Result<ListAliasesResponse, Status> {
        let aliases = self.aliases.clone().into_iter();
        let aliases = aliases.map(|(alias_name, collection_name)| AliasDescription {
            alias_name,
            collection_name,
        });
        Ok(ListAliasesResponse {
            aliases: aliases.collect(),
            time: 0.0,
        })
    }
}

impl Answer<CollectionExistsRequest, CollectionExistsResponse> for State {
    fn answer(
        &mut self,
        asked: CollectionExistsRequest,
    ) -> Result<CollectionExistsResponse, Status> {
        let exists = self.collection(&asked.collection_name).is_ok();
        Ok(CollectionExistsResponse {
            result: Some(CollectionExists { exists }),
            time: 0.0,
        })
    }
}

impl Answer<CreateFieldIndexCollection, PointsOperationResponse> for State {
    fn answer(
        &mut self,
        asked: CreateFieldIndexCollection,
    ) -> Result<PointsOperationResponse, Status> {
        let collection = self.collection(&asked.collection_name)?;
        collection.indexed_fields.insert(asked.field_name);
        Ok(updated())
    }
}

impl Answer<UpsertPoints, PointsOperationResponse> for State {
    fn answer(&mut self, asked: UpsertPoints) -> Result<PointsOperationResponse, Status> {
        self.collection(&asked.collection_name)?
            .upsert(asked.points)?;
        Ok(updated())
    }
}

impl Answer<DeletePoints, PointsOperationResponse> for State {
    fn answer(&mut self, asked: DeletePoints) -> Result<PointsOperationResponse, Status> {
        let collection = self.collection(&asked.collection_name)?;
        for key in selected(collection, asked.points)? {
            collection.points.remove(&key);
        }
        Ok(updated())
    }
}

impl Answer<SetPayloadPoints, PointsOperationResponse> for State {
    fn answer(&mut self, asked: SetPayloadPoints) -> Result<PointsOperationResponse, Status> {
        let collection = self.collection(&asked.collection_name)?;
        for key in selected(collection, asked.points_selector)? {
            if let Some(point) = collection.points.get_mut(&key) {
                point.payload.extend(asked.payload.clone());
            }
        }
        Ok(updated())
    }
}

impl Answer<GetPoints, GetResponse> for State {
    fn answer(&mut self, asked: GetPoints) -> Result<GetResponse, Status> {
        let collection = self.collection(&asked.collection_name)?;
        let points = asked
            .ids
            .iter()
            .filter_map(|id| collection.points.get(&key(id)));
        Ok(GetResponse {
            result: points
                .map(|point| retrieved(point, asked.with_payload.as_ref()))
                .collect(),
            ..GetResponse::default()
        })
    }
}

impl Answer<ScrollPoints, ScrollResponse> for State {
    fn answer(&mut self, asked: ScrollPoints) -> Result<ScrollResponse, Status> {
        let collection = self.collection(&asked.collection_name)?;
        let from = asked.offset.as_ref().map(key).unwrap_or_default();
        let limit = asked.limit.unwrap_or(10) as usize;
        let mut points = collection.matching(asked.filter.as_ref())?;
        points.retain(|point| key(&point.id) >= from);
        let next = points.get(limit).map(|point| point.id.clone());
        points.truncate(limit);
        Ok(ScrollResponse {
            next_page_offset: next,
            result: points
                .into_iter()
                .map(|point| retrieved(point, asked.with_payload.as_ref()))
                .collect(),
            ..ScrollResponse::default()
        })
    }
}

impl Answer<CountPoints, CountResponse> for State {
    fn answer(&mut self, asked: CountPoints) -> Result<CountResponse, Status> {
        let collection = self.collection(&asked.collection_name)?;
        let count = collection.matching(asked.filter.as_ref())?.len() as u64;
        Ok(CountResponse {
            result: Some(CountResult { count }),
            ..CountResponse::default()
        })
    }
}

impl Answer<QueryPoints, QueryResponse> for State {
    fn answer(&mut self, asked: QueryPoints) -> Result<QueryResponse, Status> {
        let collection = self.collection(&asked.collection_name)?;
        let Some(Variant::Nearest(input)) = asked.query.and_then(|query| query.variant) else {
            return Err(Status::unimplemented("the fake knows `nearest` alone"));
        };
        let filter = asked.filter.as_ref();
        let scored = match (asked.using.as_deref(), input.variant) {
            (Some("dense"), Some(vector_input::Variant::Dense(vector))) => {
                collection.nearest(&vector.data, filter)?
            }
            (Some("terms"), Some(vector_input::Variant::Sparse(vector))) => {
                let terms: BTreeMap<u32, f32> =
                    vector.indices.into_iter().zip(vector.values).collect();
                collection.sharing(&terms, filter)?
            }
            (using, _) => {
                return Err(wrong(&format!("Not existing vector name error: {using:?}")));
            }
        };
        let limit = asked.limit.unwrap_or(10) as usize;
        let result = scored.into_iter().take(limit);
        Ok(QueryResponse {
            result: result
                .map(|(score, point)| ScoredPoint {
                    id: Some(point.id.clone()),
                    score,
                    ..ScoredPoint::default()
                })
                .collect(),
            ..QueryResponse::default()
        })
    }
}

fn operated() -> CollectionOperationResponse {
    CollectionOperationResponse {
        result: true,
        time: 0.0,
    }
}

fn updated() -> PointsOperationResponse {
    PointsOperationResponse {
        result: Some(UpdateResult {
            operation_id: None,
            status: UpdateStatus::Completed.into(),
        }),
        ..PointsOperationResponse::default()
    }
}

fn selected(
    collection: &Collection,
    selector: Option<PointsSelector>,
) -> Result<Vec<String>, Status> {
    let filter: Filter = match selector.and_then(|selector| selector.points_selector_one_of) {
        Some(PointsSelectorOneOf::Filter(filter)) => filter,
        _ => return Err(wrong("no points are selected")),
    };
    let points = collection.matching(Some(&filter))?.into_iter();
    Ok(points.map(|point| key(&point.id)).collect())
}

fn retrieved(point: &Point, with: Option<&WithPayloadSelector>) -> RetrievedPoint {
    let mut payload: HashMap<String, Value> = point.payload.clone();
    match with.and_then(|with| with.selector_options.as_ref()) {
        Some(SelectorOptions::Enable(true)) => {}
        Some(SelectorOptions::Include(fields)) => {
            payload.retain(|name, _| fields.fields.contains(name));
        }
        Some(SelectorOptions::Exclude(fields)) => {
            payload.retain(|name, _| !fields.fields.contains(name));
        }
        _ => payload.clear(),
    }
    RetrievedPoint {
        id: Some(point.id.clone()),
        payload,
        ..RetrievedPoint::default()
    }
}
