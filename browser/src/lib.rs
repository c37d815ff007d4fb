//! The door of the program for a page in a browser. The page writes a question to the place that [`question`] names,
//! calls [`answer`], and reads what stands at [`answered`]; both are JSON, which `kestra_secrets::browser` describes.
//! A panic traps, and leaves in the place of the answer where it happened.

use std::cell::RefCell;
use std::sync::Once;

thread_local! {
    static QUESTION: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static ANSWER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Makes room for a question of so many bytes, and says where.
#[unsafe(no_mangle)]
pub extern "C" fn question(bytes: usize) -> *mut u8 {
    QUESTION.with_borrow_mut(|question| {
        *question = vec![0; bytes];
        question.as_mut_ptr()
    })
}

/// Answers the question.
#[unsafe(no_mangle)]
pub extern "C" fn answer() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| std::panic::set_hook(Box::new(|panic| defect(panic.location()))));
    ANSWER.take();
    ANSWER.set(kestra_secrets::browser::answer(&QUESTION.take()));
}

/// Where the answer is.
#[unsafe(no_mangle)]
pub extern "C" fn answered() -> *const u8 {
    ANSWER.with_borrow(|answer| answer.as_ptr())
}

/// How many bytes it has.
#[unsafe(no_mangle)]
pub extern "C" fn answered_bytes() -> usize {
    ANSWER.with_borrow(Vec::len)
}

/// Keeps a panic's place. Its words may hold a value.
fn defect(place: Option<&std::panic::Location>) {
    ANSWER.set(place.map(ToString::to_string).unwrap_or_default().into_bytes());
}
