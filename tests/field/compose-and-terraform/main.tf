resource "helm_release" "kestra" {
  chart = "kestra"
}
