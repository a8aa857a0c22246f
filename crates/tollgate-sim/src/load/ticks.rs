//! A timer exact enough for an open loop.
//!
//! tokio's timers wait for the next whole millisecond, which at 2,000 requests a second would be most of
//! the latency that is measured. On Linux the kernel's own timer wakes the runtime instead.

use std::io;
use std::time::Duration;

#[cfg(target_os = "linux")]
pub(super) use linux::Ticks;
#[cfg(not(target_os = "linux"))]
pub(super) use portable::Ticks;

#[cfg(target_os = "linux")]
mod linux {
    use std::os::fd::OwnedFd;

    use rustix::io::{Errno, read};
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
    };
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    use super::{Duration, io};

    /// Ticks once every period.
    pub(in crate::load) struct Ticks(AsyncFd<OwnedFd>);

    impl Ticks {
        /// The first tick comes after one period.
        pub(in crate::load) fn every(period: Duration) -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            let period = Timespec::try_from(period).map_err(io::Error::other)?;
            let schedule = Itimerspec { it_interval: period, it_value: period };
            timerfd_settime(&timer, TimerfdTimerFlags::empty(), &schedule)?;
            #[expect(deprecated, reason = "the successor is unsafe; what it demands holds: the timer is owned")]
            let timer = AsyncFd::with_interest(timer, Interest::READABLE)?;
            Ok(Self(timer))
        }

        /// Waits for the next tick and says how many have passed since the last call.
        pub(in crate::load) async fn next(&mut self) -> io::Result<u64> {
            loop {
                let mut ready = self.0.readable().await?;
                let mut ticks = [0; 8];
                match read(ready.get_inner(), &mut ticks) {
                    Ok(_) => return Ok(u64::from_ne_bytes(ticks)),
                    Err(Errno::AGAIN) => ready.clear_ready(),
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod portable {
    use super::{Duration, io};

    /// Ticks once every period, to the millisecond.
    pub(in crate::load) struct Ticks(tokio::time::Interval);

    impl Ticks {
        pub(in crate::load) fn every(period: Duration) -> io::Result<Self> {
            let first = tokio::time::Instant::now() + period;
            Ok(Self(tokio::time::interval_at(first, period)))
        }

        pub(in crate::load) async fn next(&mut self) -> io::Result<u64> {
            self.0.tick().await;
            Ok(1)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[tokio::test]
    async fn as_many_ticks_come_as_time_passes() {
        let started_at = Instant::now();
        let mut ticks = Ticks::every(Duration::from_micros(500)).unwrap();
        let mut seen = 0;
        while seen < 40 {
            seen += ticks.next().await.unwrap();
        }
        assert!(started_at.elapsed() >= Duration::from_millis(20));
    }
}
