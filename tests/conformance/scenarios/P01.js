'use strict';
// P01: listen between two ticks
const net = require('node:net');
const { immediate, inOrder, tick, watch } = require('../trace.js');

inOrder();
const server = watch(net.createServer(), 'V');
tick('tickA');
server.listen(0);
tick('tickB');
immediate('imm');
server.once('listening', () => setImmediate(() => server.close()));
