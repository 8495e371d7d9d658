//! What happens where Rust would panic.

use core::panic::PanicInfo;

unsafe extern "C" {
    /// The C side's: logs and starts the board again.
    safe fn unstick_panic();
}

/// Nothing of the core panics, as `firmware/proof` shows, and by its lints nothing of this crate. What
/// is left are checks that no input reaches: those inside serde-json-core, which the proof lists, and
/// one of the standard library's where that is compiled at "s".
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    unstick_panic();
    // It must not come back; where it does all the same, nothing here can go on.
    loop {}
}
