# Two stages: a static binary, and next to nothing around it.
#   docker build -t portwatch .
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /portwatch ./cmd/portwatch

# The certificates of authorities, for receivers behind TLS.
FROM gcr.io/distroless/static
ARG VERSION=dev
LABEL org.opencontainers.image.title="portwatch" \
      org.opencontainers.image.description="Alerts on every port that opens and should not, by eBPF" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
COPY --from=build /portwatch /portwatch
EXPOSE 9765
ENTRYPOINT ["/portwatch"]
CMD ["run", "--output", "json"]
