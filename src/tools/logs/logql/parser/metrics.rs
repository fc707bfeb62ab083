//! Metric queries: functions over ranges and series, and what joins them.

use super::{LogqlError, Parser, Result, is_unwrap, regex};
use crate::tools::logs::logql::{
    ast::{BinaryOp, Grouping, LogQuery, Matching, Metric, RangeFunction, Value, VectorFunction},
    lexer::Token,
};

impl Parser {
    /// Precedence climbing; `^` goes to the right.
    pub(super) fn metric(&mut self, least: u8) -> Result<Metric> {
        let mut left = self.metric_atom()?;
        loop {
            let op = match self.peek() {
                Token::Sign(sign) => BinaryOp::of(sign),
                Token::Name(name) => BinaryOp::of(name),
                _ => None,
            };
            let Some(op) = op.filter(|op| op.precedence() >= least.max(1)) else {
                return Ok(left);
            };
            self.next += 1;
            self.join()?;
            let as_bool = self.accept_name("bool");
            if as_bool && op.comparison().is_none() {
                return Err(self.error("`bool` goes with comparisons only"));
            }
            let matching = self.matching()?;
            let next = op.precedence() + u8::from(op != BinaryOp::Power);
            let right = self.nested(|parser| parser.metric(next))?;
            if op.is_set() && (is_number(&left) || is_number(&right)) {
                return Err(self.error(format!("`{}` joins series, not numbers", op.as_str())));
            }
            left = Metric::Binary {
                op,
                left: Box::new(left),
                right: Box::new(right),
                as_bool,
                matching,
            };
        }
    }

    fn matching(&mut self) -> Result<Option<Matching>> {
        let ignoring = self.is_name("ignoring");
        if !ignoring && !self.is_name("on") {
            return Ok(None);
        }
        self.next += 1;
        let labels = self.label_list()?;
        let group = match self.peek().clone() {
            Token::Name(name) if name == "group_left" || name == "group_right" => {
                self.next += 1;
                let labels = match self.is_sign("(") {
                    true => self.label_list()?,
                    false => Vec::new(),
                };
                Some((name, labels))
            }
            _ => None,
        };
        Ok(Some(Matching {
            ignoring,
            labels,
            group,
        }))
    }

    fn label_list(&mut self) -> Result<Vec<String>> {
        self.expect("(")?;
        let mut labels = Vec::new();
        while !self.accept(")") {
            labels.push(self.name("a label")?);
            if !self.is_sign(")") {
                self.expect(",")?;
            }
        }
        Ok(labels)
    }

    fn metric_atom(&mut self) -> Result<Metric> {
        match self.peek().clone() {
            Token::Sign("(") => {
                self.next += 1;
                let inner = self.nested(|parser| parser.metric(0))?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Sign("-" | "+") => {
                let negative = self.accept("-");
                if !negative {
                    self.next += 1;
                }
                let number = self.number("a number")?;
                Ok(Metric::Number(if negative { -number } else { number }))
            }
            Token::Value(Value::Number(number)) => {
                self.next += 1;
                Ok(Metric::Number(number))
            }
            Token::Sign("{") => Err(self.error(
                "lines can't be reckoned with: put them into a function such as `count_over_time(… [5m])`",
            )),
            Token::Name(name) => self.function(&name),
            other => Err(self.expected("a stream selector or a function", &other)),
        }
    }

    fn function(&mut self, name: &str) -> Result<Metric> {
        let at = self.at();
        self.next += 1;
        if let Some(function) = RangeFunction::of(name) {
            return self.nested(|parser| parser.range(function));
        }
        if let Some(function) = VectorFunction::of(name) {
            return self.nested(|parser| parser.vector(function));
        }
        match name {
            "vector" => {
                self.expect("(")?;
                let number = self.number("a number")?;
                self.expect(")")?;
                Ok(Metric::Scalar(number))
            }
            "label_replace" => {
                self.expect("(")?;
                let inner = Box::new(self.nested(|parser| parser.metric(0))?);
                let mut next = |what| {
                    self.expect(",")?;
                    self.text(what)
                };
                let (target, replacement, source) = (
                    next("a label in quotes")?,
                    next("a text")?,
                    next("a label in quotes")?,
                );
                let pattern = next("a regular expression in quotes")?;
                regex(&pattern).map_err(|problem| self.error(problem))?;
                self.expect(")")?;
                Ok(Metric::LabelReplace {
                    inner,
                    target,
                    replacement,
                    source,
                    regex: pattern,
                })
            }
            _ => {
                let known = RangeFunction::ALL.iter().map(|known| known.as_str());
                let known = known.chain(VectorFunction::ALL.iter().map(|known| known.as_str()));
                let near = known
                    .min_by_key(|known| strsim::osa_distance(known, name))
                    .filter(|near| strsim::osa_distance(near, name) <= 3);
                let hint = near.map_or(String::new(), |near| format!(", did you mean `{near}`?"));
                let problem = format!("`{name}` is no function{hint}");
                Err(LogqlError::new(at, problem))
            }
        }
    }

    /// `count_over_time({…} |= "x" [5m] offset 1h)`, the range before or behind the stages.
    fn range(&mut self, function: RangeFunction) -> Result<Metric> {
        let at = self.at();
        self.expect("(")?;
        let parameter = match function {
            RangeFunction::Quantile => {
                let parameter = self.number("a quantile such as `0.99`")?;
                if !(0.0..=1.0).contains(&parameter) {
                    return Err(self.error("a quantile lies between 0 and 1"));
                }
                self.expect(",")?;
                Some(parameter)
            }
            _ => None,
        };
        let mut opened = 0;
        while self.accept("(") {
            opened += 1;
        }
        let selector = self.selector()?;
        let mut stages = Vec::new();
        let mut range = self.bracketed_range()?;
        let mut offset = self.offset()?;
        self.stages(&mut stages)?;
        for _ in 0..opened {
            if range.is_none() {
                range = self.bracketed_range()?;
            }
            self.expect(")")?;
        }
        if range.is_none() {
            range = self.bracketed_range()?;
        }
        if offset == 0 {
            offset = self.offset()?;
        }
        let range = range.ok_or_else(|| self.expected("a range such as `[5m]`", self.peek()))?;
        self.expect(")")?;
        let grouping = self.grouping()?;
        let unwraps = stages.iter().any(is_unwrap);
        let name = function.as_str();
        if function.needs_unwrap() && !unwraps {
            let problem = format!("`{name}` needs `| unwrap label`, the number to work on");
            return Err(LogqlError::new(at, problem));
        }
        if unwraps
            && !function.needs_unwrap()
            && function != RangeFunction::Rate
            && function != RangeFunction::Absent
        {
            let problem = format!("`{name}` counts lines and takes no `unwrap`");
            return Err(LogqlError::new(at, problem));
        }
        if grouping.is_some() && !unwraps {
            let problem = format!("`{name}` can't be grouped; write `sum by (…) ({name}(…))`");
            return Err(LogqlError::new(at, problem));
        }
        Ok(Metric::Range {
            function,
            parameter,
            query: LogQuery { selector, stages },
            range,
            offset,
            grouping,
        })
    }

    fn bracketed_range(&mut self) -> Result<Option<i64>> {
        if !self.accept("[") {
            return Ok(None);
        }
        let range = self.duration()?;
        if range <= 0 {
            return Err(self.error("a range is longer than nothing"));
        }
        self.expect("]")?;
        Ok(Some(range))
    }

    fn offset(&mut self) -> Result<i64> {
        if self.accept_name("offset") {
            return self.duration();
        }
        Ok(0)
    }

    /// `sum by (a) (…)` or `sum(…) by (a)`.
    fn vector(&mut self, function: VectorFunction) -> Result<Metric> {
        let name = function.as_str();
        let mut grouping = self.grouping()?;
        self.expect("(")?;
        let parameter = match function.needs_parameter() {
            true => {
                let parameter = self.number("how many, such as `5`")?;
                if parameter < 1.0 || parameter.fract() != 0.0 {
                    return Err(self.error(format!("`{name}` takes a whole number from 1 on")));
                }
                self.expect(",")?;
                Some(parameter)
            }
            false => None,
        };
        let inner = Box::new(self.metric(0)?);
        self.expect(")")?;
        if grouping.is_none() {
            grouping = self.grouping()?;
        }
        if grouping.is_some() && matches!(function, VectorFunction::Sort | VectorFunction::SortDesc)
        {
            return Err(self.error(format!("`{name}` can't be grouped")));
        }
        if is_number(&inner) {
            return Err(self.error(format!("`{name}` works on series, not on a number")));
        }
        Ok(Metric::Vector {
            function,
            parameter,
            inner,
            grouping,
        })
    }

    fn grouping(&mut self) -> Result<Option<Grouping>> {
        let without = self.is_name("without");
        if !without && !self.is_name("by") {
            return Ok(None);
        }
        self.next += 1;
        let labels = self.label_list()?;
        Ok(Some(Grouping { without, labels }))
    }
}

fn is_number(metric: &Metric) -> bool {
    match metric {
        Metric::Number(_) => true,
        Metric::Binary { left, right, .. } => is_number(left) && is_number(right),
        _ => false,
    }
}
