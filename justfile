# An index of chores; `just` lists them.

_default:
    @just --list

# All bundled scenarios on both engines; `just run --provider embedded` needs no Docker
run *ARGS:
    cargo run --release -- run {{ARGS}}

# The whole test suite; a test that the machine cannot run is ignored, with the reason
test *ARGS:
    cargo test {{ARGS}}

# What CI does
ci:
    .ci/run

# The checks of style that CI makes
check:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps
    cargo clippy --locked --manifest-path fuzz/Cargo.toml -- -D warnings
    cargo fmt --check --package kestra-secrets-browser
    cargo clippy --package kestra-secrets-browser --profile browser --target wasm32-unknown-unknown -- -D warnings
    shellcheck .ci/run browser/build packaging/render benches/* fuzz/campaign testbed/testbed testbed/steps/* testbed/lib/*
    actionlint .github/workflows/*.yml src/cli/starter/workflow.yaml
    cargo deny check

# Generate the JSON Schemas
schemas:
    cargo run -- schema scenario > schemas/scenario.schema.json
    cargo run -- schema report > schemas/report.schema.json
    cargo run -- schema explain > schemas/explain.schema.json
    cargo run -- schema lint > schemas/lint.schema.json
    cargo run -- schema baseline > schemas/baseline.schema.json
    cargo run -- schema prove > schemas/prove.schema.json
    cargo run -- schema matrix > schemas/matrix.schema.json
    cargo run -- schema doctor > schemas/doctor.schema.json
    cargo run -- schema audit > schemas/audit.schema.json

# Generate docs/catalogue.md, which describes every bundled scenario
catalogue:
    cargo run -- list --markdown > docs/catalogue.md

# Generate docs/versions.md from a live run of its scenarios on every minor
versions REPORT="target/versions":
    cargo run --release -- run --provider embedded --report {{REPORT}} \
        $(sed -n 's/^| `\([a-z0-9-]*\)` .*/\1/p' docs/versions.md) \
        --kestra engine@0.20,engine@0.21,engine@0.22,engine@0.23,engine@0.24 \
        --kestra engine@1.0,engine@1.1,engine@1.2,engine@1.3,engine@2.0
    cargo run --release -- report convert {{REPORT}} --to versions > docs/versions.md

# Build the pages of docs/ as a book in DIR, with the page for a browser; needs `cargo install mdbook`
book DIR="target/book":
    mdbook build --dest-dir {{DIR}}
    browser/build {{DIR}}

# Compare our small chart with each of the publisher's that lies unpacked in a folder of DIR
parity DIR:
    KESTRA_SECRETS_CHARTS={{DIR}} cargo test --test chart_parity

# Measure the figures of docs/figures.md
bench:
    benches/embedded
    benches/lint
    benches/prove
    benches/explain
    benches/compare
    benches/growth
    benches/phases
    benches/catalogue
