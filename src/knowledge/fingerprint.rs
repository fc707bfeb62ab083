//! Passages of the same words, recognised by a fingerprint.

/// A fingerprint of the words, case and punctuation left out. FNV-1a with a
/// final mix: stable between releases, which std's hashers are not.
pub fn fingerprint(text: &str) -> u64 {
    let words = text.split(|c: char| !c.is_alphanumeric());
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for word in words.filter(|word| !word.is_empty()) {
        for byte in word.to_lowercase().bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash ^= hash >> 32;
    hash = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash ^ hash >> 29
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "Travel must be booked at least fourteen days ahead through the travel desk; \
        flights under six hours in economy class.";

    #[test]
    fn same_words_have_one_fingerprint_and_others_another() {
        let shouted = POLICY.to_uppercase().replace(';', ",");
        assert_eq!(fingerprint(POLICY), fingerprint(&shouted));
        assert_ne!(fingerprint("E-4012"), fingerprint("E-4013"));
        assert_ne!(fingerprint("ab c"), fingerprint("a bc"));
        assert_ne!(fingerprint(""), fingerprint("E-4013"));
    }
}
