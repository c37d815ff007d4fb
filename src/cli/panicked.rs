//! A defect of ours, when it shows as a panic.

use std::panic::{Location, PanicHookInfo};

use crate::system::terminal;

/// From now on a panic is told without its message: Rust's own quote values, as "is not a char boundary" does.
pub fn install() {
    std::panic::set_hook(Box::new(|info: &PanicHookInfo<'_>| {
        terminal::line(&describe(info.location()));
    }));
}

fn describe(at: Option<&Location<'_>>) -> String {
    let at = at.map(|at| format!(" at {at}")).unwrap_or_default();
    format!(
        "error: a defect of kestra-secrets {}{at}; its message is not shown, for it may quote a value\n\
         help: please report it with the command that was run; `kestra-secrets clean` ends what is left of it",
        env!("CARGO_PKG_VERSION")
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    static TOLD: Mutex<String> = Mutex::new(String::new());

    #[test]
    fn a_panic_is_told_by_its_place_and_never_by_its_message() {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(|info| {
            *TOLD.lock().unwrap() = super::describe(info.location());
        }));
        let panicked = std::panic::catch_unwind(|| {
            let canary = "gehéim".to_owned();
            canary[..4].len()
        });
        std::panic::set_hook(before);
        assert!(panicked.is_err());
        let told = TOLD.lock().unwrap();
        assert!(told.contains("panicked.rs:") && !told.contains("geh"), "{told}");
    }
}
