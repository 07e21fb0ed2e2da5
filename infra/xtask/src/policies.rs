//! Policies in the template's syntax.

use std::fmt::Write;

use lanyard_functions::{AZURE_AUDIENCE, Policy, Resource, SHARED, Statement};

/// The policies that functions share.
pub(crate) fn shared() -> String {
    let mut text = String::new();
    for Policy { name, description, statements } in SHARED {
        let _ = write!(
            text,
            r#"
  {name}Policy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      Description: {description}
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
{}"#,
            lines(statements, "          "),
        );
    }
    text
}

/// The statements of a document, each line after this indentation.
pub(crate) fn lines(statements: &[Statement], indentation: &str) -> String {
    indented(&statements.iter().map(statement).collect::<String>(), indentation)
}

fn indented(text: &str, by: &str) -> String {
    text.lines().fold(String::new(), |all, line| format!("{all}{by}{line}\n"))
}

fn statement(statement: &Statement) -> String {
    let actions = match statement.actions {
        [action] => (*action).to_owned(),
        actions => format!("[{}]", actions.join(", ")),
    };
    let head = format!("- Sid: {}\n  Effect: Allow\n  Action: {actions}\n", statement.id);
    let keys = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter\
                /lanyard/${AWS::StackName}/azure-keys";
    match statement.on {
        Resource::Items(partitions) => format!(
            r#"{head}  Resource: !GetAtt Table.Arn
  Condition:
    "Null": {{ dynamodb:LeadingKeys: "false" }}
    ForAllValues:StringLike: {{ dynamodb:LeadingKeys: {partitions:?} }}
"#
        ),
        Resource::AzureKeys => format!("{head}  Resource: !Sub {keys}/*\n"),
        Resource::OwnKeys => format!("{head}  Resource: !Sub {keys}/_/*\n"),
        // The action knows no resource; the audience is what narrows it.
        Resource::AzureIdentity => {
            let allowed = format!(
                r#"{head}  Resource: "*"
  Condition:
    "Null": {{ sts:IdentityTokenAudience: "false" }}
    ForAllValues:StringEquals: {{ sts:IdentityTokenAudience: ["{AZURE_AUDIENCE}"] }}
    NumericLessThanEqualsIfExists: {{ sts:DurationSeconds: 300 }}
"#
            );
            let allowed = indented(&allowed, "  ");
            format!("- !If\n  - UsesAzureIdentity\n{allowed}  - !Ref AWS::NoValue\n")
        }
    }
}
