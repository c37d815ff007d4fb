resource "kubernetes_secret_v1" "kestra" {
  metadata {
    name      = "kestra-flow-secrets"
    namespace = "platform"
  }
  data = {
    SECRET_LAKE_PASSWORD = var.lake_password
    SECRET_MAIL_PASSWORD = "wren-42!"
    SECRET_GOOD          = base64encode(var.lake_password)
  }
}

resource "helm_release" "kestra" {
  name       = "kestra"
  repository = "https://helm.kestra.io"
  chart      = "kestra"
  version    = "1.0.54"
  values     = [file("${path.module}/kestra-values.yaml")]

  set {
    name  = "common.extraEnv[0].name"
    value = "SECRET_API_TOKEN"
  }
  set {
    name  = "common.extraEnv[0].value"
    value = "at-5512!"
  }
}
