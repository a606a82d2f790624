'use strict';
// B11: a lookup that fails, for all addresses (C) and for one (D)
const net = require('node:net');
const { watch } = require('../trace.js');

const lookup = (host, options, callback) => {
  process.nextTick(callback, Object.assign(new Error(`no network for ${host}`), { code: 'ERR_NO_DNS' }));
};
watch(new net.Socket(), 'C').connect({ port: 1, host: 'no.test', lookup });
watch(new net.Socket(), 'D').connect({ port: 1, host: 'no.test', lookup, autoSelectFamily: false });
