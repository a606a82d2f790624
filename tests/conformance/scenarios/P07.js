'use strict';
// P07: a failed lookup
const net = require('node:net');
const { inOrder, tick, watch } = require('../trace.js');

inOrder();
const lookup = (host, options, done) => setImmediate(done, Object.assign(new Error('no network'), { code: 'ERR_NO_DNS' }));
const socket = watch(new net.Socket(), 'C');
socket.on('lookup', () => tick('tick'));
socket.connect({ port: 9, host: 'nosuch.test', lookup });
