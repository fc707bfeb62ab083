//! The check digits that tell a real number from a row of digits.

/// ISO/IEC 7812: card numbers, and many national ids.
pub(super) fn luhn(digits: &[u8]) -> bool {
    let doubled = |digit: u8| (digit * 2) / 10 + (digit * 2) % 10;
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, digit)| u32::from(if i % 2 == 1 { doubled(*digit) } else { *digit }))
        .sum();
    sum.is_multiple_of(10)
}

/// ISO 7064 mod 97-10 over letters and digits; the remainder.
pub(super) fn mod_97(mut text: impl Iterator<Item = char>) -> Option<u32> {
    text.try_fold(0u32, |rest, c| {
        let value = c.to_digit(36)?;
        let shifted = if value < 10 { rest * 10 } else { rest * 100 };
        Some((shifted + value) % 97)
    })
}

/// The sum of each digit times its weight.
pub(super) fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    let pairs = digits.iter().zip(weights);
    pairs
        .map(|(digit, weight)| u32::from(*digit) * weight)
        .sum()
}

/// Verhoeff's scheme over the dihedral group of ten, check digit last.
pub(super) fn verhoeff(digits: &[u8]) -> bool {
    /// The product in the group.
    fn times(a: u8, b: u8) -> u8 {
        match (a < 5, b < 5) {
            (true, true) => (a + b) % 5,
            (true, false) => (a + (b - 5)) % 5 + 5,
            (false, true) => (a - 5 + 5 - b) % 5 + 5,
            (false, false) => (a + 5 - b) % 5,
        }
    }
    const PERMUTATION: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let permuted = |digit: u8, times: usize| {
        (0..times % 8).fold(digit, |digit, _| PERMUTATION[usize::from(digit)])
    };
    let reversed = digits.iter().rev().enumerate();
    reversed.fold(0, |c, (i, digit)| times(c, permuted(*digit, i))) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::redact::digits;

    #[test]
    fn published_examples_pass_and_their_neighbours_do_not() {
        assert!(luhn(&digits("4111111111111111")));
        assert!(!luhn(&digits("4111111111111112")));
        assert_eq!(mod_97("3214282912345698765432161182".chars()), Some(1));
        assert_eq!(mod_97("32-14".chars()), None);
        assert!(verhoeff(&digits("2363")));
        assert!(!verhoeff(&digits("2364")));
    }
}
