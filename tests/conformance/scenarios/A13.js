'use strict';
// A13: no connections allowed, at a path
const net = require('node:net');
const { tempPath, watch } = require('../trace.js');

const path = tempPath('V');
const server = watch(net.createServer(), 'V');
server.maxConnections = 0;
server.on('drop', () => server.close());
server.listen(path, () => watch(new net.Socket(), 'C', { data: true }).connect(path));
