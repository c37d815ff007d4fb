package engine;

import io.micronaut.http.HttpStatus;

/** What is answered to an exception, but for its message. */
record Refusal(HttpStatus status, String reason) {
}
