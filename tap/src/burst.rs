//! How many frames are read before the loop looks after everything else.

use core::time::Duration;

/// The most at once.
const MOST: u32 = 64;

/// A wait that took longer was a sleep: there had been no frame.
const AWAKE: Duration = Duration::from_micros(2);

/// After a sleep there is mostly one frame, and the system call that finds no second one is saved; the
/// longer frames keep coming, the more of them are read between two looks.
#[derive(Debug)]
pub(crate) struct Burst {
    size: u32,
    left: u32,
}

impl Default for Burst {
    /// Of a device that is not waited for.
    fn default() -> Self {
        Self { size: MOST, left: MOST }
    }
}

impl Burst {
    /// Whether to read one more; if not, the next one asked for is the first of a new burst.
    pub(crate) fn goes_on(&mut self) -> bool {
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                true
            }
            None => {
                self.left = self.size;
                false
            }
        }
    }

    /// A wait is over, and took that long.
    pub(crate) fn waited(&mut self, took: Duration) {
        self.size = if took > AWAKE { 1 } else { MOST.min(self.size * 2) };
        self.left = self.size;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(burst: &mut Burst) -> usize {
        core::iter::from_fn(|| burst.goes_on().then_some(())).count()
    }

    #[test]
    fn after_a_sleep_it_is_one_frame_and_then_more_and_more() {
        let mut burst = Burst::default();
        assert_eq!((of(&mut burst), of(&mut burst)), (64, 64));
        burst.waited(AWAKE * 2);
        assert_eq!((of(&mut burst), of(&mut burst)), (1, 1));
        let sizes = [(); 7].map(|()| {
            burst.waited(Duration::ZERO);
            of(&mut burst)
        });
        assert_eq!(sizes, [2, 4, 8, 16, 32, 64, 64]);
    }
}
