# The image for x86-64 and arm64: docker buildx bake -f deploy/container/docker-bake.hcl
# Push it to a registry: docker buildx bake -f deploy/container/docker-bake.hcl --set image.tags=REGISTRY/dcmrecv:0.1.0 --push
# Both architectures are built on one machine by emulation; Python and its packages have wheels for both.

group "default" {
  targets = ["image"]
}

target "image" {
  context    = "."
  dockerfile = "deploy/container/Containerfile"
  platforms  = ["linux/amd64", "linux/arm64"]
  tags       = ["dcmrecv:0.1.0"]
}
