//! What a function does, by its name.
//!
//! A name says it all here: the gate looks at the last part of a qualified
//! name, so that a schema in front hides nothing.

mod mysql;

pub use mysql::mysql;
use std::{collections::HashSet, sync::LazyLock};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// Computes its result from its arguments, the rows or the clock.
    Plain,
    /// Reads what the server knows of itself. No harm, and nothing of the
    /// company's: not for statements that a model wrote.
    System,
    /// Completes "calls `f`, which …".
    Forbidden(&'static str),
    /// Written by the company, or part of an extension.
    Unknown,
}

const FILES: &str = "reads or writes the server's files";
const LARGE_OBJECTS: &str = "works on large objects";
const SQL_AS_TEXT: &str = "runs SQL that is given to it as text";
const ELSEWHERE: &str = "reaches another server";
const WAITS: &str = "waits on purpose";
const SETTING: &str = "changes a setting of the session";
const SEQUENCE: &str = "belongs to sequences and their session";
const TRANSACTION: &str = "takes a transaction number";
const LOCKS: &str = "takes or gives back locks";
const REPLICATION: &str = "works on replication, backups or the write-ahead log";
const SERVER: &str = "acts on the server or its other sessions";
const STATISTICS: &str = "changes the server's statistics";
const INDEXES: &str = "works on the inside of indexes or tables";
const MESSAGES: &str = "sends a message to other sessions";
const SYSTEM: &str = "is a system function that is not known to be a plain read";

/// Exact names, then why.
const FORBIDDEN: &[(&str, &str)] = &[
    ("lastval currval nextval setval", SEQUENCE),
    ("set_config setseed", SETTING),
    ("txid_current txid_current_if_assigned", TRANSACTION),
    (
        "pg_current_xact_id pg_current_xact_id_if_assigned",
        TRANSACTION,
    ),
    ("loread lowrite", LARGE_OBJECTS),
    ("xpath_table connectby", SQL_AS_TEXT),
    (
        "xslt_process pg_stat_file pg_current_logfile pg_hba_file_rules",
        FILES,
    ),
    (
        "pg_ident_file_mappings pg_show_all_file_settings pg_logdir_ls",
        FILES,
    ),
    (
        "pg_export_snapshot pg_prewarm autoprewarm_start_worker",
        SERVER,
    ),
    ("autoprewarm_dump_now pg_stop_making_pinned_objects", SERVER),
    (
        "heap_force_kill heap_force_freeze gin_clean_pending_list",
        INDEXES,
    ),
    (
        "pg_stat_clear_snapshot pg_stat_force_next_flush",
        STATISTICS,
    ),
    ("pg_notify", MESSAGES),
];

/// Families by how the name begins, then why.
const FORBIDDEN_PREFIXES: &[(&str, &str)] = &[
    ("pg_read_ pg_ls_ pg_file_", FILES),
    ("lo_", LARGE_OBJECTS),
    (
        "query_to_ table_to_xml schema_to_xml database_to_xml cursor_to_",
        SQL_AS_TEXT,
    ),
    ("dblink postgres_fdw_ http_ aws_ azure_ plproxy", ELSEWHERE),
    ("pg_sleep", WAITS),
    ("pg_advisory_ pg_try_advisory_", LOCKS),
    ("brin_", INDEXES),
    ("pg_stat_reset pg_stat_statements_reset", STATISTICS),
    (
        "pg_logical_ pg_replication_ binary_upgrade_ pg_backup_ pg_wal_replay_",
        REPLICATION,
    ),
    (
        "sepgsql_ hypopg_ cron_ pgq_ plv8_ lomanage ri_fkey_",
        SERVER,
    ),
];

/// Schemas of extensions that act: jobs, other servers, the cloud.
const FORBIDDEN_SCHEMAS: &str = "aws_s3 aws_lambda aws_commons azure_storage azure_ai cron dblink http net pgagent pglogical pgmq";

/// The server's own functions share the prefix `pg_`: these read, every other
/// one is refused, so that a newer server brings nothing in unseen.
const SYSTEM_READS: &str = "
    pg_backend_pid pg_basetype pg_blocking_pids pg_char_to_encoding pg_check_frozen
    pg_check_visible pg_client_encoding pg_column_compression pg_column_is_updatable
    pg_conf_load_time pg_config pg_control_checkpoint pg_control_init pg_control_recovery
    pg_control_system pg_current_snapshot pg_cursor pg_database_size pg_describe_object
    pg_encoding_max_length pg_encoding_to_char pg_extension_update_paths pg_filenode_relation
    pg_freespace pg_has_role pg_identify_object pg_identify_object_as_address pg_indexes_size
    pg_input_error_info pg_input_is_valid pg_is_in_recovery pg_is_other_temp_schema
    pg_is_wal_replay_paused pg_jit_available pg_last_committed_xact pg_last_wal_receive_lsn
    pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_listening_channels pg_lock_status
    pg_mcv_list_items pg_my_temp_schema pg_notification_queue_usage pg_options_to_table
    pg_postmaster_start_time pg_prepared_statement pg_prepared_xact pg_relation_filenode
    pg_relation_filepath pg_relation_is_publishable pg_relation_is_updatable pg_relation_size
    pg_relpages pg_safe_snapshot_blocking_pids pg_sequence_last_value pg_sequence_parameters
    pg_settings_get_flags pg_show_all_settings pg_show_replication_origin_status pg_stat_have_stats
    pg_stat_statements pg_stat_statements_info pg_table_size pg_tablespace_databases
    pg_tablespace_location pg_tablespace_size pg_timezone_abbrevs pg_timezone_names
    pg_total_relation_size pg_trigger_depth pg_visible_in_snapshot pg_wal_lsn_diff
    pg_walfile_name pg_walfile_name_offset pg_isolation_test_session_is_blocked
    pg_partition_ancestors pg_partition_root pg_partition_tree";

const SYSTEM_READ_PREFIXES: &str = "
    pg_available_ pg_buffercache_pages pg_buffercache_summary pg_buffercache_usage pg_collation_
    pg_current_wal_ pg_dependencies pg_get_ pg_index_ pg_indexam_ pg_lsn pg_ndistinct
    pg_snapshot_ pg_stat_get_ pg_ts_ pg_visibility pg_xact_";

const SYSTEM_READ_SUFFIX: &str = "_is_visible";

/// Functions of other names that tell of the server, not of the company.
const SYSTEM_OTHERS: &str = "
    current_setting version inet_client_addr inet_client_port inet_server_addr inet_server_port
    to_regclass to_regcollation to_regnamespace to_regoper to_regoperator to_regproc
    to_regprocedure to_regrole to_regtype col_description obj_description shobj_description
    row_security_active current_query getdatabaseencoding amvalidate get_raw_page txid_status
    txid_current_snapshot has_any_column_privilege has_column_privilege has_database_privilege
    has_foreign_data_wrapper_privilege has_function_privilege has_language_privilege
    has_parameter_privilege has_schema_privilege has_sequence_privilege has_server_privilege
    has_table_privilege has_tablespace_privilege has_type_privilege mxid_age";

/// The functions that questions about business data need. All of them compute
/// from their arguments, the rows or the clock.
const PLAIN: &str = "
    abs acos acosd acosh asin asind asinh atan atan2 atan2d atand atanh cbrt ceil ceiling cos cosd
    cosh cot cotd degrees div erf erfc exp factorial floor gcd lcm ln log log10 min_scale mod pi
    power radians random round scale sign sin sind sinh sqrt tan tand tanh trim_scale trunc
    width_bucket random_normal isfinite

    ascii bit_length btrim char_length character_length chr concat concat_ws convert_from
    convert_to convert decode encode format initcap left length lower lpad ltrim md5 normalize
    octet_length overlay parse_ident position quote_ident quote_literal quote_nullable
    regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace
    regexp_split_to_array regexp_split_to_table regexp_substr repeat replace reverse right rpad
    rtrim split_part starts_with string_to_array string_to_table strpos substr substring to_ascii
    to_hex to_bin to_oct translate trim unistr upper casefold is_normalized like_escape
    similar_to_escape similar_escape bit_count get_bit get_byte set_bit set_byte sha224 sha256
    sha384 sha512 crc32 crc32c like notlike ilike textlike

    age clock_timestamp date date_add date_bin date_part date_subtract date_trunc extract
    justify_days justify_hours justify_interval localtime localtimestamp make_date make_interval
    make_time make_timestamp make_timestamptz now statement_timestamp timeofday timezone to_char
    to_date to_number to_timestamp transaction_timestamp overlaps timestamp timestamptz time
    interval

    array_agg array_append array_cat array_dims array_fill array_length array_lower array_ndims
    array_position array_positions array_prepend array_remove array_replace array_reverse
    array_sample array_shuffle array_sort array_to_string array_upper cardinality trim_array
    unnest generate_series generate_subscripts array_to_json

    any_value avg bit_and bit_or bit_xor bool_and bool_or corr count covar_pop covar_samp every
    grouping json_agg json_object_agg jsonb_agg jsonb_object_agg json_agg_strict jsonb_agg_strict
    json_object_agg_strict jsonb_object_agg_strict json_object_agg_unique jsonb_object_agg_unique
    max min mode percentile_cont percentile_disc range_agg range_intersect_agg regr_avgx regr_avgy
    regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy stddev stddev_pop
    stddev_samp string_agg sum var_pop var_samp variance xmlagg

    cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank
    row_number

    json_array_elements json_array_elements_text json_array_length json_build_array
    json_build_object json_each json_each_text json_extract_path json_extract_path_text
    json_object json_object_keys json_populate_record json_populate_recordset json_strip_nulls
    json_to_record json_to_recordset json_typeof jsonb_array_elements jsonb_array_elements_text
    jsonb_array_length jsonb_build_array jsonb_build_object jsonb_concat jsonb_contains
    jsonb_delete jsonb_each jsonb_each_text jsonb_exists jsonb_exists_all jsonb_exists_any
    jsonb_extract_path jsonb_extract_path_text jsonb_insert jsonb_object jsonb_object_keys
    jsonb_path_exists jsonb_path_exists_tz jsonb_path_match jsonb_path_match_tz jsonb_path_query
    jsonb_path_query_array jsonb_path_query_array_tz jsonb_path_query_first
    jsonb_path_query_first_tz jsonb_path_query_tz jsonb_populate_record jsonb_populate_recordset
    jsonb_pretty jsonb_set jsonb_set_lax jsonb_strip_nulls jsonb_to_record jsonb_to_recordset
    jsonb_typeof row_to_json to_json to_jsonb

    coalesce greatest least nullif num_nonnulls num_nulls pg_typeof pg_size_pretty pg_size_bytes
    pg_column_size pg_collation_for gen_random_uuid uuidv4 uuidv7 uuid_extract_timestamp
    uuid_extract_version int2 int4 int8 float4 float8 numeric text bool varchar bpchar

    isempty lower_inc lower_inf upper_inc upper_inf range_merge daterange int4range int8range
    numrange tsrange tstzrange multirange int4multirange int8multirange nummultirange
    datemultirange tsmultirange tstzmultirange

    plainto_tsquery phraseto_tsquery to_tsquery to_tsvector websearch_to_tsquery ts_headline
    ts_rank ts_rank_cd ts_delete ts_filter setweight strip numnode querytree tsvector_to_array
    array_to_tsvector tsquery_phrase ts_debug ts_lexize

    abbrev broadcast family host hostmask inet_merge inet_same_family masklen netmask network
    set_masklen macaddr8_set7bit

    area box center circle diagonal diameter height isclosed isopen line lseg npoints path pclose
    point polygon popen radius slope width bound_box

    similarity word_similarity strict_word_similarity show_trgm unaccent levenshtein
    levenshtein_less_equal metaphone dmetaphone dmetaphone_alt soundex difference";

/// What SQLite itself has, without the extensions of its shell. Everything
/// else is refused: no statement can bring a function of its own.
const SQLITE: &str = "
    abs acos acosh asin asinh atan atan2 atanh avg ceil ceiling changes char coalesce concat
    concat_ws cos cosh count cume_dist current_date current_time current_timestamp date datetime
    degrees dense_rank exp first_value floor format glob group_concat hex highlight ifnull iif if
    instr json json_array json_array_length json_error_position json_extract json_group_array
    json_group_object json_insert json_object json_patch json_pretty json_quote json_remove
    json_replace json_set json_type json_valid json_each json_tree jsonb jsonb_array jsonb_extract
    jsonb_group_array jsonb_group_object jsonb_insert jsonb_object jsonb_patch jsonb_remove
    jsonb_replace jsonb_set julianday lag last_value lead length like likelihood likely ln log
    log10 log2 lower ltrim max median min mod nth_value ntile nullif octet_length percent_rank
    percentile percentile_cont percentile_disc pi pow power printf quote radians random
    rank replace round row_number rtrim sign sin sinh snippet soundex sqlite_version sqrt strftime
    string_agg substr substring subtype sum tan tanh time timediff total trim trunc typeof unhex
    unicode unistr unistr_quote unixepoch unlikely upper bm25";

type Names = HashSet<&'static str>;

static SYSTEM_NAMES: LazyLock<Names> = LazyLock::new(|| {
    let names = SYSTEM_READS.split_whitespace();
    names.chain(SYSTEM_OTHERS.split_whitespace()).collect()
});
static PLAIN_NAMES: LazyLock<Names> = LazyLock::new(|| PLAIN.split_whitespace().collect());
static SQLITE_NAMES: LazyLock<Names> = LazyLock::new(|| SQLITE.split_whitespace().collect());

/// A function of PostgreSQL; the name as the parser gives it, without schema.
pub fn postgres(name: &str) -> Ruling {
    // The parser has folded what was not quoted; a quoted name that differs in
    // case only is another function, but never one that anybody needs.
    let name = name.to_lowercase();
    if let Some(deed) = forbidden(&name) {
        Ruling::Forbidden(deed)
    } else if PLAIN_NAMES.contains(name.as_str()) {
        Ruling::Plain
    } else if SYSTEM_NAMES.contains(name.as_str()) || is_system_read(&name) {
        Ruling::System
    } else if name.starts_with("pg_") {
        Ruling::Forbidden(SYSTEM)
    } else {
        Ruling::Unknown
    }
}

pub fn is_forbidden_schema(schema: &str) -> bool {
    FORBIDDEN_SCHEMAS.split_whitespace().any(|s| s == schema)
}

/// Where a function takes SQL as text: the position of that argument, if a
/// call with this many arguments has one. Such a text is judged like the rest.
pub fn sql_argument(name: &str, arguments: usize) -> Option<usize> {
    match (name.to_lowercase().as_str(), arguments) {
        ("ts_stat", _) => Some(0),
        ("ts_rewrite", 2) => Some(1),
        ("crosstab" | "crosstab2" | "crosstab3" | "crosstab4" | "crosstabn", 1..) => Some(0),
        _ => None,
    }
}

pub fn is_sqlite_builtin(name: &str) -> bool {
    SQLITE_NAMES.contains(name.to_lowercase().as_str())
}

fn forbidden(name: &str) -> Option<&'static str> {
    let exact = FORBIDDEN
        .iter()
        .find(|(names, _)| has(names, |n| n == name));
    let family = || {
        FORBIDDEN_PREFIXES
            .iter()
            .find(|(prefixes, _)| has(prefixes, |prefix| name.starts_with(prefix)))
    };
    exact.or_else(family).map(|(_, deed)| *deed)
}

fn is_system_read(name: &str) -> bool {
    let is_family = has(SYSTEM_READ_PREFIXES, |prefix| name.starts_with(prefix));
    is_family || (name.starts_with("pg_") && name.ends_with(SYSTEM_READ_SUFFIX))
}

fn has(names: &str, matches: impl Fn(&str) -> bool) -> bool {
    names.split_whitespace().any(matches)
}
