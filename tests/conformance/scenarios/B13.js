'use strict';
// B13: a lookup for one address that answers with a family that is none
const net = require('node:net');
const { watch } = require('../trace.js');

for (const [name, family] of [['C', 5], ['D', 100]]) {
  const lookup = (host, options, callback) => process.nextTick(callback, null, '127.0.0.1', family);
  watch(new net.Socket(), name).connect({ port: 1, host: 'bad.test', lookup, autoSelectFamily: false });
}
