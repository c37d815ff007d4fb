//! The image that a user's values name, which need not be the one that runs.

use semver::Version;
use serde_json::Value;

use super::{PlanOptions, PlanTarget};
use crate::plan::ImageRef;

/// The chart's own, where values name a tag alone.
const USUAL: &str = "kestra/kestra";

/// What to say where values name an image and another one runs.
pub(super) fn warning(values: &Value, target: &PlanTarget, options: &PlanOptions) -> Option<String> {
    if options.values_name_the_image {
        return None;
    }
    let (named, version) = named(values)?;
    let runs = options.defaults.as_ref().and_then(|d| d.images.get(&target.kestra));
    if runs.map(ToString::to_string).as_ref() == Some(&named) || (runs.is_none() && version == target.version) {
        return None;
    }
    let runs = runs.map(|image| format!(" ({image})")).unwrap_or_default();
    Some(format!(
        "the values name the image {named}, and what ran is {}{runs}; `--kestra official@{version}` on a cluster runs \
         the one that they name",
        target.kestra
    ))
}

/// The image, and the version of Kestra in its tag; none where values leave one of them open.
fn named(values: &Value) -> Option<(String, Version)> {
    let image = values.get("image")?;
    let text = |key: &str| image.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let tag = text("tag")?.to_owned();
    let version = Version::parse(tag.trim_start_matches('v').split('-').next()?).ok()?;
    let repository = text("repository").or_else(|| text("image")).unwrap_or(USUAL).to_owned();
    Some((ImageRef { repository, tag }.to_string(), version))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kestra::KestraRef;
    use crate::plan::ChartMode;

    fn said(values: &Value, options: &PlanOptions) -> Option<String> {
        let version = Version::new(2, 0, 0);
        let target = PlanTarget {
            kestra: KestraRef::Engine(version.clone()),
            version,
            chart: ChartMode::AsWritten,
        };
        warning(values, &target, options)
    }

    #[test]
    fn an_image_in_the_values_that_does_not_run_is_told() {
        let options = PlanOptions::default();
        for image in [
            json!({"tag": "v1.3.15"}),
            json!({"image": "kestra/kestra", "tag": "v1.3.15"}),
            json!({"repository": "kestra/kestra", "tag": "v1.3.15-no-plugins"}),
        ] {
            let said = said(&json!({"image": image}), &options).unwrap();
            assert!(
                said.contains("kestra/kestra:v1.3.15") && said.contains("ran is engine@2.0.0"),
                "{said}"
            );
            assert!(said.contains("--kestra official@1.3.15"), "{said}");
        }
        for image in [
            json!({"tag": "v2.0.0"}),
            json!({"tag": "latest"}),
            json!({}),
            json!({"tag": ""}),
            json!("x"),
        ] {
            assert_eq!(said(&json!({"image": image}), &options), None);
        }
        assert_eq!(said(&json!({}), &options), None);
    }

    #[test]
    fn nothing_is_told_where_the_values_image_is_the_one_that_runs() {
        let options = PlanOptions {
            values_name_the_image: true,
            ..PlanOptions::default()
        };
        assert_eq!(said(&json!({"image": {"tag": "v1.3.15"}}), &options), None);
    }
}
