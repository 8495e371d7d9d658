//! The commands of a node under test ([`unstick_conformance::commands`]), as a desktop node has them.

use super::{Config, Handler, Host};
use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};
use unstick::Text;
use unstick::command::{Body, Call, Command, Outcome};
use unstick_conformance::commands::{COUNT, Settings, Tasks, WAIT, number, sum_of};

/// Adds them.
#[must_use]
pub fn with_commands(config: Config) -> Config {
    let sum =
        Handler::new(
            "sum",
            |call| async move { Ok(sum_of(call.as_call().body_text()?)?.to_string()) },
        );
    let wait = Handler::new("wait", |call| async move {
        let millis = number(&call.as_call(), "MS", WAIT)?;
        if millis > 0 {
            tokio::time::sleep(Duration::from_millis(millis)).await;
        }
        Ok("waited")
    });
    let settings = Arc::new(Mutex::new(Settings::new()));
    let settings = Handler::new("config", move |call| {
        let settings = Arc::clone(&settings);
        async move {
            let mut settings = settings.lock().unwrap_or_else(PoisonError::into_inner);
            if !(call.args.trim_ascii().is_empty() && call.body.is_empty()) {
                *settings = call.as_call().json()?;
            }
            let mut memory = [0; 256];
            let mut text = Text::new(&mut memory);
            text.write_json(&*settings)?;
            Ok(text.as_bytes().to_vec())
        }
    });
    config
        .handler(
            sum.help("adds the numbers in its body, one a line").body(Body::Required).read_only(),
        )
        .command(
            Command::new("count", count)
                .usage("count N")
                .help("the numbers from 1 to N, one a line")
                .read_only(),
        )
        .handler(wait.usage("wait MS").help("answers after so many milliseconds").read_only())
        .handler(
            settings
                .usage("config [{\"rate\":N,\"name\":TEXT}]")
                .help("changes the settings, by argument or body, and tells them")
                .body(Body::Optional),
        )
}

fn count(_: &mut Host, call: &Call<'_>, _: &mut Text<'_>) -> Outcome<Host> {
    let last = number(call, "N", COUNT)?;
    Ok(Host::task(Tasks::Count { next: 1, last }))
}
