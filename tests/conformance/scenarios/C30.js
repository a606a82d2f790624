'use strict';
// C30: destroy with bytes in the kernel that nobody has read
const { pair, settle } = require('../trace.js');

pair({ server: { pauseOnConnect: true }, s: {} }, (s, c) => {
  c.write('abc');
  settle(() => s.destroy());
});
