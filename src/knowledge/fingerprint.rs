//! Near-identical passages, recognised by a fingerprint.
//!
//! Simhash (Charikar, 2002) over word triples: texts that differ in a few
//! words have fingerprints that differ in a few of 64 bits.

/// Bits in which near-identical passages may differ (Manku et al., 2007, use 3 of 64).
const NEAR: u32 = 3;

/// Shorter texts are the same only where they are equal: one word is too much of them.
const WORDS_FOR_NEAR: usize = 24;

/// A fingerprint of the words, case and punctuation left out. Short texts get
/// a plain hash instead, so that they are near to nothing but themselves.
pub fn fingerprint(text: &str) -> u64 {
    let words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    if words.len() < WORDS_FOR_NEAR {
        return hash(&words);
    }
    let mut balance = [0i32; 64];
    for triple in words.windows(3) {
        let bits = hash(triple);
        for (bit, count) in balance.iter_mut().enumerate() {
            *count += if bits >> bit & 1 == 1 { 1 } else { -1 };
        }
    }
    balance.iter().enumerate().filter(|&(_, &count)| count > 0).fold(0, |bits, (bit, _)| bits | 1 << bit)
}

pub fn are_near(a: u64, b: u64) -> bool {
    (a ^ b).count_ones() <= NEAR
}

/// FNV-1a with a final mix: stable between releases, which std's hashers are not.
fn hash(words: &[String]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for word in words {
        for byte in word.bytes().chain([0xff]) {
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

    const POLICY: &str = "Travel must be booked at least fourteen days ahead through the travel desk. \
        Economy class applies to flights under six hours; longer flights may be booked in premium economy \
        with the approval of your manager, who answers within two working days. Receipts are kept for a year.";

    #[test]
    fn passages_that_differ_in_case_and_punctuation_are_near() {
        let shouted = POLICY.to_uppercase().replace(';', ",");
        assert!(are_near(fingerprint(POLICY), fingerprint(&shouted)));
    }

    #[test]
    fn different_passages_are_not_near() {
        let other = "Sick leave is recorded in the people portal on the first day. A doctor's note is needed from \
            the fourth day on. Your manager sees the dates, never the reason. Unused days do not carry over into the next year.";
        assert!(!are_near(fingerprint(POLICY), fingerprint(other)));
        assert!(!are_near(fingerprint("E-4012"), fingerprint("E-4013")));
        assert!(!are_near(fingerprint(""), fingerprint("E-4013")));
    }
}
