# dynapipe alone: the static binary, CA certificates, no shell, no root.
#   docker build --build-arg VERSION=v1.2.3 -t dynapipe .
#   docker run --rm -v "$PWD:/data" --user "$(id -u)" dynapipe run pipeline.hcl
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
ARG VERSION=devel
ARG TARGETOS
ARG TARGETARCH
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# The empty folders become the image's, where FROM scratch has none: /tmp for
# what verify keeps while it compares, /data for pipelines and their state.
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
      go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /dynapipe ./cmd/dynapipe && \
    mkdir -p /root-of-image/tmp /root-of-image/data && chmod 1777 /root-of-image/tmp

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build --chown=65532:65532 /root-of-image/ /
COPY --from=build /dynapipe /dynapipe
USER 65532:65532
WORKDIR /data
ENTRYPOINT ["/dynapipe"]
