//! Log lines through `defmt` or `log`, or none.

/// A line for whoever debugs a node; costs nothing without a feature for it.
macro_rules! debug {
    ($text:literal, $($value:expr),+) => {{
        #[cfg(feature = "defmt")]
        defmt::debug!($text, $($value),+);
        #[cfg(all(feature = "log", not(feature = "defmt")))]
        log::debug!($text, $($value),+);
        #[cfg(not(any(feature = "defmt", feature = "log")))]
        { let _ = ($(&$value),+,); }
    }};
}
