'use strict';
// B13: a lookup for one address that answers with a family that is none
// deviation D-53: such a family cannot be given; a text that is no address comes nearest
// - C lookup 127.0.0.1 5 bad.test
// - C error ERR_INVALID_ADDRESS_FAMILY 1 "Invalid address family: 5 bad.test:1"
// + C lookup ERR_INVALID_IP_ADDRESS bad.test
// + C error ERR_INVALID_IP_ADDRESS "Invalid IP address: 127.0.0.1 of 5"
//   C close true
// @
// - D lookup 127.0.0.1 100 bad.test
// - D error ERR_INVALID_ADDRESS_FAMILY 1 "Invalid address family: 100 bad.test:1"
// + D lookup ERR_INVALID_IP_ADDRESS bad.test
// + D error ERR_INVALID_IP_ADDRESS "Invalid IP address: 127.0.0.1 of 100"
//   D close true
const net = require('node:net');
const { watch } = require('../trace.js');

for (const [name, family] of [['C', 5], ['D', 100]]) {
  const lookup = (host, options, callback) => process.nextTick(callback, null, '127.0.0.1', family);
  watch(new net.Socket(), name).connect({ port: 1, host: 'bad.test', lookup, autoSelectFamily: false });
}
