//! Several files of values as one.

use super::{DEADLINE, Helm, RenderError};
use crate::oracle::secret::Plaintext;

impl Helm {
    /// Merges files of values, the later ones going before the earlier. Helm itself does it, by a chart
    /// that shows its values: its reading of YAML and its rules for lists and nulls are its own.
    ///
    /// # Errors
    /// [`RenderError::Refused`] when helm cannot read the values; the others are the machine's fault.
    pub async fn merge(&self, files: &[Plaintext]) -> Result<Plaintext, RenderError> {
        // Helm reads standard input once; only this user can enter the folder, which goes when dropped.
        let chart = tempfile::tempdir_in(&self.folder)?;
        let at = |name: &str| chart.path().join(name);
        fs_err::create_dir(at("templates"))?;
        fs_err::write(at("Chart.yaml"), "{apiVersion: v2, name: merged, version: 0.0.0}")?;
        fs_err::write(at("templates/values.yaml"), "{{ toJson .Values }}")?;
        let mut command = self.command().args(["template", "merged"]).arg(chart.path());
        for (n, file) in files.iter().enumerate() {
            let path = at(&format!("values-{n}"));
            fs_err::write(&path, file.bytes())?;
            command = command.arg("--values").arg(path);
        }
        let output = command.output(DEADLINE, &self.cancel).await?;
        if output.status.success() {
            let public = files.iter().all(Plaintext::is_public);
            return Ok(Plaintext::new(output.stdout, public));
        }
        // Nobody knows yet what is secret in them, so helm's words are not repeated.
        Err(RenderError::Refused("helm cannot read the values".into()))
    }
}
