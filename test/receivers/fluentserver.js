// A Forward server that prints each entry it is sent as a line of JSON. Its
// one argument is its options as JSON: tls (key and cert), sharedKey, and user
// (passwords by name).
const {FluentServer} = require("@fluent-org/logger");

const options = JSON.parse(process.argv[2]);
const server = new FluentServer({
  listenOptions: {port: 0, host: "127.0.0.1"},
  tlsOptions: options.tls,
  security: options.sharedKey && {
    serverHostname: "fluentd.example",
    sharedKey: options.sharedKey,
    authorize: options.user !== undefined,
    userDict: options.user,
  },
});
server.on("entry", (tag, time, record) => {
  console.log(JSON.stringify({tag, seconds: time.epoch, record}));
});
server.listen().then(() => console.log(JSON.stringify({port: server.port})));
