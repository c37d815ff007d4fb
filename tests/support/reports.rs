//! Reports as the program writes them.

use serde_json::{Value, json};

/// A report of one case that went wrong, as the program writes it.
pub fn written(id: &str, scenario: &str, status: &str) -> Value {
    json!({
        "schema": 1,
        "run": {
            "id": id, "tool": "0.1.0", "provider": "embedded", "chart": "kestra-minimal 0.1.0 (bundled)",
            "kestra": ["engine@2.0.0"], "kubernetes": null, "helm": "helm 3.22.0 on PATH",
            "started": "2026-01-02T03:04:05Z", "wall_ms": 1500,
        },
        "results": [{
            "scenario": scenario, "about": "A case.", "status": status, "because": "output a holds other bytes",
            "at": {"file": "my.yaml", "line": 2, "column": 7},
            "expected": {"outputs": {"a": {"text": "admin"}}},
            "observed": {"outputs": {"a": {"text": "admin\n"}}},
            "model_drift": false,
            "provenance": {
                "provider": "embedded", "chart": "kestra-minimal 0.1.0 (bundled) as 1.x", "kestra": "engine@2.0.0",
                "rest": "our adapter around Kestra's engine, under Kestra's own paths",
            },
            "phases": [{"name": "install", "ms": 300}, {"name": "boot", "ms": 900}, {"name": "flow", "ms": 100}],
            "evidence": [format!("evidence/{scenario}")],
        }],
    })
}
