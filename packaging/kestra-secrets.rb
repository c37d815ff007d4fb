class KestraSecrets < Formula
  desc "Proves that secrets given to Kestra through its Helm chart arrive byte for byte"
  homepage "https://github.com/@REPOSITORY@"
  version "@VERSION@"
  license "Apache-2.0"

  on_macos do
    on_arm do
      url "https://github.com/@REPOSITORY@/releases/download/v@VERSION@/kestra-secrets-aarch64-apple-darwin.tar.gz"
      sha256 "@SHA256 aarch64-apple-darwin@"
    end
    on_intel do
      url "https://github.com/@REPOSITORY@/releases/download/v@VERSION@/kestra-secrets-x86_64-apple-darwin.tar.gz"
      sha256 "@SHA256 x86_64-apple-darwin@"
    end
  end

  on_linux do
    on_arm do
      url "https://github.com/@REPOSITORY@/releases/download/v@VERSION@/kestra-secrets-aarch64-unknown-linux-gnu.tar.gz"
      sha256 "@SHA256 aarch64-unknown-linux-gnu@"
    end
    on_intel do
      url "https://github.com/@REPOSITORY@/releases/download/v@VERSION@/kestra-secrets-x86_64-unknown-linux-gnu.tar.gz"
      sha256 "@SHA256 x86_64-unknown-linux-gnu@"
    end
  end

  def install
    bin.install "kestra-secrets"
    generate_completions_from_executable(bin/"kestra-secrets", "completions")
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/kestra-secrets --version")
    (testpath/"kestra.env").write("SECRET_A=YWxwaGE=\n")
    assert_match "read     1 secret in 1 file", shell_output("#{bin}/kestra-secrets lint kestra.env")
  end
end
