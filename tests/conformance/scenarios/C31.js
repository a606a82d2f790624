'use strict';
// C31: destroySoon on an idle connection
const { note, pair } = require('../trace.js');

pair({}, (s, c) => {
  c.destroySoon();
  note('C', '.destroyed', c.destroyed);
});
