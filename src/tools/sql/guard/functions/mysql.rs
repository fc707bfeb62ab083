//! What a function of MySQL or MariaDB does, by its name.
//!
//! An allow-list: anybody may call a loadable function (`sys_exec` is a famous
//! one), whatever their rights, so that no unknown name passes.

use super::{FILES, LOCKS, REPLICATION, Ruling, SEQUENCE, SERVER, SETTING, WAITS, has};
use std::{collections::HashSet, sync::LazyLock};

const ENDLESS: &str = "repeats an expression on purpose";

const FORBIDDEN: &[(&str, &str)] = &[
    ("sleep", WAITS),
    ("benchmark", ENDLESS),
    ("load_file", FILES),
    (
        "get_lock release_lock release_all_locks is_free_lock is_used_lock",
        LOCKS,
    ),
    ("nextval lastval setval", SEQUENCE),
    ("last_insert_id", SETTING),
    ("uuid_short", SERVER),
];

const FORBIDDEN_PREFIXES: &[(&str, &str)] = &[
    (
        "master_ source_pos_wait wait_for_ wait_until_ binlog_ gtid_ group_replication_ asynchronous_ wsrep_",
        REPLICATION,
    ),
    (
        "sys_ lib_mysqludf service_ keyring_ audit_ mysql_ ps_",
        SERVER,
    ),
];

/// Tell of the server and the session; not for statements that a model wrote.
const SYSTEM: &str = "
    charset coercibility collation connection_id current_role current_user database
    found_rows row_count schema session_user system_user user version";

/// The functions that questions about business data need. All of them compute
/// from their arguments, the rows or the clock.
const PLAIN: &str = "
    abs acos asin atan atan2 ceil ceiling conv cos cot crc32 crc32c degrees div exp floor greatest
    least ln log log10 log2 mod pi pow power radians rand round sign sin sqrt tan truncate

    ascii bin bit_count bit_length char char_length character_length chr concat concat_ws elt
    export_set field find_in_set format from_base64 hex insert instr lcase left length lengthb
    locate lower lpad ltrim make_set md5 mid natural_sort_key oct octet_length ord position quote
    regexp_instr regexp_like regexp_replace regexp_substr repeat replace reverse right rpad rtrim
    sformat sha sha1 sha2 soundex space strcmp substr substring substring_index to_base64 to_char
    trim ucase unhex upper weight_string

    add_months adddate addtime convert_tz curdate current_date current_time current_timestamp
    curtime date date_add date_format date_sub datediff day dayname dayofmonth dayofweek dayofyear
    extract from_days from_unixtime get_format hour last_day localtime localtimestamp makedate
    maketime microsecond minute month monthname months_between now period_add period_diff quarter
    sec_to_time second str_to_date subdate subtime sysdate time time_format time_to_sec timediff
    timestamp timestampadd timestampdiff to_days to_seconds unix_timestamp utc_date utc_time
    utc_timestamp week weekday weekofyear year yearweek

    any_value avg bit_and bit_or bit_xor count group_concat grouping json_arrayagg json_objectagg
    max median min percentile_cont percentile_disc std stddev stddev_pop stddev_samp sum var_pop
    var_samp variance

    cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank
    row_number

    json_array json_array_append json_array_insert json_compact json_contains json_contains_path
    json_depth json_detailed json_equals json_exists json_extract json_insert json_keys json_length
    json_loose json_merge_patch json_merge_preserve json_normalize json_object json_overlaps
    json_pretty json_query json_quote json_remove json_replace json_schema_valid json_search
    json_set json_type json_unquote json_valid json_value

    bin_to_uuid cast coalesce convert if ifnull inet6_aton inet6_ntoa inet_aton inet_ntoa interval
    is_ipv4 is_ipv6 is_uuid isnull nullif nvl nvl2 uuid uuid_to_bin

    st_asgeojson st_astext st_contains st_distance st_distance_sphere st_geomfromtext st_intersects
    st_within st_x st_y point";

static PLAIN_NAMES: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| PLAIN.split_whitespace().collect());

/// Names of functions know no case, quoted or not.
pub fn mysql(name: &str) -> Ruling {
    let name = name.to_lowercase();
    let exact = FORBIDDEN
        .iter()
        .find(|(names, _)| has(names, |n| n == name));
    let family = || {
        let mut families = FORBIDDEN_PREFIXES.iter();
        families.find(|(prefixes, _)| has(prefixes, |prefix| name.starts_with(prefix)))
    };
    if let Some((_, deed)) = exact.or_else(family) {
        Ruling::Forbidden(deed)
    } else if PLAIN_NAMES.contains(name.as_str()) {
        Ruling::Plain
    } else if has(SYSTEM, |n| n == name) {
        Ruling::System
    } else {
        Ruling::Unknown
    }
}
